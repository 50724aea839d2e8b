# What may be asked and what may not: a question, then on the last line of its block either the question as
# the log shows it, or "!" with the code of the refusal and the start of its sentence. Blocks are parted by
# blank lines.


# Accepted: the last line is the question as the log shows it.

SELECT COUNT(*) FROM visits;
SELECT COUNT(*) AS count FROM visits;

select count(*) from visits;
SELECT COUNT(*) AS count FROM visits;

SELECT COUNT(*) AS n FROM visits;
SELECT COUNT(*) AS n FROM visits;

SELECT district, COUNT(*) FROM visits GROUP BY district;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT COUNT(*), district FROM visits GROUP BY district;
SELECT COUNT(*) AS count, district FROM visits GROUP BY district;

SELECT District, service, SUM(Cost), AVG(cost), COUNT(cost) AS billed FROM Visits GROUP BY service, DISTRICT;
SELECT district, service, SUM(cost) AS sum_cost, AVG(cost) AS avg_cost, COUNT(cost) AS billed FROM visits GROUP BY service, district;

SELECT COUNT(DISTINCT person_id) AS persons FROM visits;
SELECT COUNT(DISTINCT person_id) AS persons FROM visits;

SELECT COUNT(DISTINCT person_id), COUNT(*) FROM visits;
SELECT COUNT(DISTINCT person_id) AS count_person_id, COUNT(*) AS count FROM visits;

SELECT v.district, SUM(v.cost) AS total FROM visits v GROUP BY v.district;
SELECT district, SUM(cost) AS total FROM visits GROUP BY district;

SELECT visits.district, COUNT(*) FROM visits AS visits GROUP BY district;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT COUNT(*) FROM visits WHERE cost > 10;
SELECT COUNT(*) AS count FROM visits WHERE cost > ?;

SELECT COUNT(*) FROM visits WHERE 10 < cost;
SELECT COUNT(*) AS count FROM visits WHERE cost > ?;

SELECT COUNT(*) FROM visits WHERE 10 >= cost;
SELECT COUNT(*) AS count FROM visits WHERE cost <= ?;

SELECT COUNT(*) FROM visits WHERE cost != -2.50;
SELECT COUNT(*) AS count FROM visits WHERE cost <> ?;

SELECT COUNT(*) FROM visits WHERE cost = (((10)));
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE cost BETWEEN 1 AND 2;
SELECT COUNT(*) AS count FROM visits WHERE (cost >= ?) AND (cost <= ?);

SELECT COUNT(*) FROM visits WHERE cost NOT BETWEEN 1 AND 2;
SELECT COUNT(*) AS count FROM visits WHERE NOT ((cost >= ?) AND (cost <= ?));

SELECT COUNT(*) FROM visits WHERE district IN ('Anlan', 'Beihe');
SELECT COUNT(*) AS count FROM visits WHERE district IN (?);

SELECT COUNT(*) FROM visits WHERE district NOT IN ('Anlan');
SELECT COUNT(*) AS count FROM visits WHERE NOT (district IN (?));

SELECT COUNT(*) FROM visits WHERE cost IS NULL;
SELECT COUNT(*) AS count FROM visits WHERE cost IS NULL;

SELECT COUNT(*) FROM visits WHERE cost IS NOT NULL;
SELECT COUNT(*) AS count FROM visits WHERE NOT (cost IS NULL);

SELECT COUNT(*) FROM visits WHERE visit_date >= DATE '2025-01-01' AND visit_date < '2025-07-01';
SELECT COUNT(*) AS count FROM visits WHERE (visit_date >= ?) AND (visit_date < ?);

SELECT COUNT(*) FROM visits WHERE visit_date = '2025-01-01'::DATE;
SELECT COUNT(*) AS count FROM visits WHERE visit_date = ?;

SELECT COUNT(*) FROM visits WHERE a = 1 AND b = 2 OR NOT c = 3;
SELECT COUNT(*) AS count FROM visits WHERE ((a = ?) AND (b = ?)) OR (NOT (c = ?));

SELECT COUNT(*) FROM visits WHERE a = 1 AND (b = 2 OR c = 3) AND d = TRUE;
SELECT COUNT(*) AS count FROM visits WHERE (a = ?) AND ((b = ?) OR (c = ?)) AND (d = ?);

SELECT COUNT(*) FROM visits WHERE district = 'it''s; -- no comment';
SELECT COUNT(*) AS count FROM visits WHERE district = ?;


# Refused: rows, and everything that works on rows.

SELECT * FROM visits;
! row-output: SELECT * would show rows, and rows never leave.

SELECT visits.* FROM visits;
! row-output: SELECT * would show rows, and rows never leave.

SELECT district FROM visits;
! row-output: A column stands alone in SELECT without being grouped by, which would show rows.

SELECT district FROM visits GROUP BY district;
! row-output: The question asks for no aggregate.

SELECT district, COUNT(*) FROM visits;
! row-output: A column stands alone in SELECT without being grouped by, which would show rows.

SELECT DISTINCT district, COUNT(*) FROM visits GROUP BY district;
! sql-distinct: SELECT DISTINCT would list the values that occur, which tells of single rows.

SELECT SUM(cost) OVER (PARTITION BY district) FROM visits;
! sql-window: Window functions work on rows, and rows never leave.

SELECT COUNT(*) FROM visits QUALIFY row_number() OVER () = 1;
! sql-window: QUALIFY works on rows, and rows never leave.

SELECT COUNT(*) FROM visits WINDOW w AS (ORDER BY cost);
! sql-window: WINDOW works on rows, and rows never leave.

SELECT COUNT(*) FROM visits TABLESAMPLE 5;
! sql-sample: Sampling is not supported: it makes no answer cheaper here.

SELECT COUNT(*) FROM visits USING SAMPLE 10;
! sql-sample: Sampling is not supported: it makes no answer cheaper here.

SELECT list(cost) FROM visits;
! sql-function: That aggregate is not supported here.


# Refused: files, functions, other statements.

SELECT COUNT(*) FROM visits; SELECT COUNT(*) FROM visits;
! sql-several: Several statements were sent at once.

(SELECT COUNT(*) FROM visits);
! sql-not-select: Only a SELECT is a question; nothing else is run here.

VALUES (1);
! sql-not-select: Only a SELECT is a question; nothing else is run here.

TABLE visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

INSERT INTO visits VALUES (1);
! sql-not-select: Only a SELECT is a question; nothing else is run here.

UPDATE visits SET cost = 1;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

CREATE TABLE x AS SELECT COUNT(*) FROM visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

ATTACH 'x.db';
! sql-not-select: Only a SELECT is a question; nothing else is run here.

SET threads = 1;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

CALL pragma_version();
! sql-not-select: Only a SELECT is a question; nothing else is run here.

SUMMARIZE visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

DESCRIBE visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

SELECT COUNT(*) FROM visits /* by district */ WHERE cost > 1;
! sql-comment: Comments and hints are not accepted: the log would keep them beside the question.

SELECT COUNT(*) FROM visits # by district;
! sql-unreadable: This is not SQL that can be read.

SELECT query('SELECT 1') FROM visits;
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) FROM query('SELECT 1');
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM query_table('visits');
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM 'https://example.org/x.csv';
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM x.parquet;
! sql-name: A table is named without a schema here.

SELECT COUNT(*) FROM $table;
! sql-literal: A value must stand where a placeholder does.

SELECT COUNT(*) FROM ?;
! sql-literal: A value must stand where a placeholder does.

SELECT COUNT(*) FROM 'visits.parquet';
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM "visits";
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT "district", COUNT(*) FROM visits GROUP BY district;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM read_csv('/etc/passwd');
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM duckdb_settings();
! sql-table-function: Functions that make or read tables are never called.

SELECT getenv('HOME') FROM visits;
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) FROM visits WHERE district = getenv('HOME');
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) FROM main.visits;
! sql-name: A table is named without a schema here.

SELECT COUNT(*) FROM visits; DROP TABLE visits;
! sql-several: Several statements were sent at once.

DROP TABLE visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

EXPLAIN SELECT COUNT(*) FROM visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

FROM visits SELECT COUNT(*);
! sql-not-select: Only a SELECT is a question; nothing else is run here.

PRAGMA database_list;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

COPY visits TO 'out.csv';
! sql-not-select: Only a SELECT is a question; nothing else is run here.

SELECT COUNT(*) INTO copied FROM visits;
! sql-write: A question writes nothing, so SELECT INTO has no place.

SELECT COUNT(*) FROM visits -- by district;
! sql-comment: Comments and hints are not accepted: the log would keep them beside the question.

SELECT /*+ fast */ COUNT(*) FROM visits;
! sql-comment: Comments and hints are not accepted: the log would keep them beside the question.

SELECT COUNT(*) FROM visits WHERE district = ?;
! sql-literal: A value must stand where a placeholder does.

SELECT COUNT(*) FROM visits WHERE district = $1;
! sql-literal: A value must stand where a placeholder does.

SELECT COUNT(*) FROM visits FOR UPDATE;
! sql-unsupported: This part of SQL is not supported.


# Refused: names of other tables.

SELECT people.sex, COUNT(*) FROM visits GROUP BY people.sex;
! sql-name: A column is named with a table that the question does not ask.


# Refused: names, and questions of nothing.

SELECT COUNT(*) AS "n" FROM visits;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) AS 'n' FROM visits;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) AS _n FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) AS n$1 FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) AS a234567890123456789012345678901234567890123456789012345678901234 FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) AS сount FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) FROM visits AS ｖ;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) FROM visits GROUP BY ALL;
! sql-group-by: GROUP BY ALL is not supported.

SELECT COUNT(*) AS n, SUM(cost) AS n FROM visits;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT COUNT(*) AS n, SUM(cost) AS n_low FROM visits;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT COUNT(*) AS 人数 FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT 1;
! sql-no-table: The question names no table.

SELECT COUNT(*);
! sql-no-table: The question names no table.


# Refused: conditions.

SELECT COUNT(*) FROM visits WHERE TRUE;
! sql-condition: A condition must compare something.

SELECT COUNT(*) FROM visits WHERE billed;
! sql-condition: A condition must compare something.

SELECT COUNT(*) FROM visits WHERE cost = NULL;
! sql-null: Comparing with NULL is never true.

SELECT COUNT(*) FROM visits WHERE cost IN ();
! sql-condition: IN () holds no value.

SELECT COUNT(*) FROM visits WHERE cost IN (1, NULL);
! sql-null: Comparing with NULL is never true.

SELECT COUNT(*) FROM visits WHERE billed IS TRUE;
! sql-condition: IS is for NULL only here.

SELECT COUNT(*) FROM visits WHERE cost IS DISTINCT FROM 1;
! sql-condition: A condition of this form is not supported here.

SELECT COUNT(*) FROM visits WHERE cost BETWEEN SYMMETRIC 2 AND 1;
! sql-condition: BETWEEN SYMMETRIC is not supported.

SELECT COUNT(*) FROM visits WHERE 1 = 1;
! sql-condition: Two values are compared, and no column.

SELECT COUNT(*) FROM visits WHERE cost = 1e3;
! sql-literal: A number is written in at most 40 plain digits here.

SELECT COUNT(*) FROM visits WHERE cost = 'NaN'::FLOAT;
! sql-cast: Columns are used as they are, without a cast.

SELECT COUNT(*) FROM visits WHERE visit_date = DATE '2025-02-30';
! sql-literal: A date is not one of the calendar.

SELECT COUNT(*) FROM visits WHERE (a, b) IN ((1, 2));
! sql-expression: Values in brackets with commas are not compared.

SELECT COUNT(*) FROM visits WHERE cost = -'x';
! sql-literal: A minus sign stands before something that is no number.


# Malformed.

SELECT COUNT(*) FROM visits WHERE;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(* FROM visits;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(*) FROM visits WHERE cost = 0x1F;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(*) FROM visits WHERE district = 'Anlan;
! sql-unreadable: This is not SQL that can be read.

hello;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

SELECT COUNT(*) FROM;
! sql-unreadable: This is not SQL that can be read.

SELECT FROM visits;
! row-output: The question asks for no aggregate.

SELECT COUNT(*) FROM visits GROUP BY;
! sql-group-by: GROUP BY names no key.

SELECT COUNT(*) FROM visits WHERE (cost > 1;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(*) FROM visits WHERE cost > > 1;
! sql-expression: That operator is not supported.

SELECT COUNT(*) FROM visits JOIN;
! sql-unreadable: This is not SQL that can be read.

SELECT CASE WHEN cost > 1 THEN 1 FROM visits;
! sql-unreadable: This is not SQL that can be read.


;
! sql-not-select: Only a SELECT is a question; nothing else is run here.
