# Where rows come from: joins, sub-queries, WITH, UNION ALL.
# See questions.sql for the form of this file.


# Accepted: joins.

SELECT COUNT(*) FROM visits JOIN people ON visits.person_id = people.person_id;
SELECT COUNT(*) AS count FROM visits JOIN people ON visits.person_id = people.person_id;

SELECT COUNT(*) FROM visits INNER JOIN people p ON p.person_id = visits.person_id;
SELECT COUNT(*) AS count FROM visits JOIN people AS p ON visits.person_id = p.person_id;

SELECT p.sex, SUM(v.cost) FROM visits v LEFT JOIN people AS p USING (person_id) GROUP BY p.sex;
SELECT p.sex AS sex, SUM(v.cost) AS sum_cost FROM visits AS v LEFT JOIN people AS p ON v.person_id = p.person_id GROUP BY p.sex;

SELECT COUNT(*) FROM visits v LEFT OUTER JOIN people p ON v.person_id = p.person_id AND (v.region = p.region);
SELECT COUNT(*) AS count FROM visits AS v LEFT JOIN people AS p ON v.person_id = p.person_id AND v.region = p.region;

SELECT COUNT(*) FROM visits v JOIN people p ON (v.person_id = p.person_id AND v.region = p.region);
SELECT COUNT(*) AS count FROM visits AS v JOIN people AS p ON v.person_id = p.person_id AND v.region = p.region;

SELECT sex, SUM(cost) FROM visits v JOIN people p USING (person_id, region) GROUP BY sex;
SELECT sex, SUM(cost) AS sum_cost FROM visits AS v JOIN people AS p ON v.person_id = p.person_id AND v.region = p.region GROUP BY sex;

SELECT person_id, COUNT(*) FROM visits v JOIN people p USING (person_id) GROUP BY person_id;
SELECT v.person_id AS person_id, COUNT(*) AS count FROM visits AS v JOIN people AS p ON v.person_id = p.person_id GROUP BY v.person_id;

SELECT COUNT(DISTINCT person_id) FROM visits v JOIN people p USING (person_id);
SELECT COUNT(DISTINCT v.person_id) AS count_person_id FROM visits AS v JOIN people AS p ON v.person_id = p.person_id;

SELECT COUNT(*) FROM visits v JOIN people p ON person_id = id;
SELECT COUNT(*) AS count FROM visits AS v JOIN people AS p ON person_id = id;

SELECT COUNT(*) FROM visits v JOIN people p USING (person_id) JOIN districts d USING (district);
SELECT COUNT(*) AS count FROM visits AS v JOIN people AS p ON v.person_id = p.person_id JOIN districts AS d ON district = d.district;

SELECT COUNT(*) FROM visits v JOIN people p USING (person_id) JOIN deaths d USING (person_id);
SELECT COUNT(*) AS count FROM visits AS v JOIN people AS p ON v.person_id = p.person_id JOIN deaths AS d ON v.person_id = d.person_id;

SELECT COUNT(*) FROM visits v JOIN people p USING (person_id) LEFT JOIN districts d ON d.code = p.district;
SELECT COUNT(*) AS count FROM visits AS v JOIN people AS p ON v.person_id = p.person_id LEFT JOIN districts AS d ON p.district = d.code;

SELECT COUNT(*) FROM visits a JOIN visits b ON a.person_id = b.person_id;
SELECT COUNT(*) AS count FROM visits AS a JOIN visits AS b ON a.person_id = b.person_id;

SELECT COUNT(*) FROM visits JOIN people ON visits.person_id = people.person_id WHERE visits.cost > 10 AND sex = 'female';
SELECT COUNT(*) AS count FROM visits JOIN people ON visits.person_id = people.person_id WHERE (visits.cost > ?) AND (sex = ?);

SELECT d.name AS area, COUNT(*) FROM visits v JOIN districts d ON v.district = d.code GROUP BY area ORDER BY area;
SELECT d.name AS area, COUNT(*) AS count FROM visits AS v JOIN districts AS d ON v.district = d.code GROUP BY d.name ORDER BY area;


# Accepted: sub-queries that make one row of each row.

SELECT COUNT(*) FROM (SELECT * FROM visits);
SELECT COUNT(*) AS count FROM (SELECT * FROM visits) AS sub;

SELECT COUNT(*) FROM (SELECT * FROM visits) AS v;
SELECT COUNT(*) AS count FROM (SELECT * FROM visits) AS v;

SELECT SUM(v.double) FROM (SELECT cost * 2 AS double, person_id FROM visits WHERE cost > 1) v;
SELECT SUM(double) AS sum_double FROM (SELECT cost * ? AS double, person_id FROM visits WHERE cost > ?) AS v;

SELECT SUM(double) FROM (SELECT *, cost * 2 AS double FROM visits) v;
SELECT SUM(double) AS sum_double FROM (SELECT *, cost * ? AS double FROM visits) AS v;

SELECT SUM(cost) FROM (SELECT v.* FROM visits v) w;
SELECT SUM(cost) AS sum_cost FROM (SELECT * FROM visits) AS w;

SELECT SUM(x) FROM (SELECT cost AS x FROM (SELECT cost FROM visits WHERE cost > 1) a WHERE cost < 5) b;
SELECT SUM(x) AS sum_x FROM (SELECT cost AS x FROM (SELECT cost FROM visits WHERE cost > ?) AS a WHERE cost < ?) AS b;

SELECT COUNT(*) FROM ((SELECT cost FROM visits)) v;
SELECT COUNT(*) AS count FROM (SELECT cost FROM visits) AS v;

SELECT SUM(v.cost) FROM (SELECT v.cost, p.sex FROM visits v JOIN people p USING (person_id)) v WHERE v.sex = 'male';
SELECT SUM(cost) AS sum_cost FROM (SELECT v.cost AS cost, p.sex AS sex FROM visits AS v JOIN people AS p ON v.person_id = p.person_id) AS v WHERE sex = ?;

SELECT p.sex, SUM(s.cost) FROM (SELECT person_id, cost FROM visits) s JOIN people p ON s.person_id = p.person_id GROUP BY p.sex;
SELECT p.sex AS sex, SUM(s.cost) AS sum_cost FROM (SELECT person_id, cost FROM visits) AS s JOIN people AS p ON s.person_id = p.person_id GROUP BY p.sex;

SELECT COUNT(*) FROM (SELECT cost FROM visits) JOIN people ON sub.cost = people.cost;
SELECT COUNT(*) AS count FROM (SELECT cost FROM visits) AS sub JOIN people ON sub.cost = people.cost;


# Accepted: sub-queries that make one row of each unit.

SELECT AVG(total) FROM (SELECT person_id, SUM(cost) AS total FROM visits GROUP BY person_id) v;
SELECT AVG(total) AS avg_total FROM (SELECT person_id, SUM(cost) AS total FROM visits GROUP BY person_id) AS v;

SELECT AVG(count) FROM (SELECT person_id, COUNT(*) FROM visits GROUP BY person_id);
SELECT AVG(count) AS avg_count FROM (SELECT person_id, COUNT(*) AS count FROM visits GROUP BY person_id) AS sub;

SELECT AVG(sum_cost) FROM (SELECT SUM(cost) FROM visits GROUP BY person_id);
SELECT AVG(sum_cost) AS avg_sum_cost FROM (SELECT SUM(cost) AS sum_cost FROM visits GROUP BY person_id) AS sub;

SELECT COUNT(*) FROM (SELECT person_id AS p, COUNT(*) AS n FROM visits GROUP BY p) v WHERE n >= 3;
SELECT COUNT(*) AS count FROM (SELECT person_id AS p, COUNT(*) AS n FROM visits GROUP BY person_id) AS v WHERE n >= ?;

SELECT COUNT(*) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY 1) v WHERE n BETWEEN 1 AND 3;
SELECT COUNT(*) AS count FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id) AS v WHERE (n >= ?) AND (n <= ?);

SELECT AVG(a), AVG(b), AVG(c), AVG(d) FROM (SELECT person_id, MIN(cost) AS a, MAX(cost) AS b, AVG(cost) AS c, COUNT(cost) AS d FROM visits WHERE cost > 0 GROUP BY person_id) v;
SELECT AVG(a) AS avg_a, AVG(b) AS avg_b, AVG(c) AS avg_c, AVG(d) AS avg_d FROM (SELECT person_id, MIN(cost) AS a, MAX(cost) AS b, AVG(cost) AS c, COUNT(cost) AS d FROM visits WHERE cost > ? GROUP BY person_id) AS v;

SELECT AVG(n) FROM (SELECT person_id, COUNT(*) FILTER (WHERE cost > 10) AS n FROM visits GROUP BY person_id) v;
SELECT AVG(n) AS avg_n FROM (SELECT person_id, COUNT(*) FILTER (WHERE cost > ?) AS n FROM visits GROUP BY person_id) AS v;

SELECT AVG(n) FROM (SELECT person_id, COUNT_IF(cost > 10) AS n FROM visits GROUP BY person_id) v;
SELECT AVG(n) AS avg_n FROM (SELECT person_id, COUNT(*) FILTER (WHERE cost > ?) AS n FROM visits GROUP BY person_id) AS v;

SELECT p.sex, AVG(v.total) FROM people p LEFT JOIN (SELECT person_id, SUM(cost * 2) AS total FROM visits GROUP BY person_id) v USING (person_id) GROUP BY p.sex;
SELECT p.sex AS sex, AVG(v.total) AS avg_total FROM people AS p LEFT JOIN (SELECT person_id, SUM(cost * ?) AS total FROM visits GROUP BY person_id) AS v ON p.person_id = v.person_id GROUP BY p.sex;

SELECT AVG(total) FROM (SELECT person_id, SUM(double) AS total FROM (SELECT person_id, cost * 2 AS double FROM visits) r GROUP BY person_id) v;
SELECT AVG(total) AS avg_total FROM (SELECT person_id, SUM(double) AS total FROM (SELECT person_id, cost * ? AS double FROM visits) AS r GROUP BY person_id) AS v;


# Accepted: UNION ALL.

SELECT SUM(cost) FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM stays) u;
SELECT SUM(cost) AS sum_cost FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM stays) AS u;

SELECT SUM(cost) FROM (SELECT cost FROM visits UNION ALL SELECT fee FROM stays UNION ALL SELECT price FROM drugs) u;
SELECT SUM(cost) AS sum_cost FROM (SELECT cost FROM visits UNION ALL SELECT fee AS cost FROM stays UNION ALL SELECT price AS cost FROM drugs) AS u;

SELECT COUNT(*) FROM ((SELECT cost FROM visits) UNION ALL (SELECT cost FROM stays WHERE cost > 1)) u;
SELECT COUNT(*) AS count FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM stays WHERE cost > ?) AS u;

SELECT COUNT(*) FROM (SELECT * FROM visits UNION ALL SELECT * FROM stays);
SELECT COUNT(*) AS count FROM (SELECT * FROM visits UNION ALL SELECT * FROM stays) AS sub;


# Accepted: WITH, written out at each use.

WITH v AS (SELECT * FROM visits) SELECT COUNT(*) FROM v;
SELECT COUNT(*) AS count FROM (SELECT * FROM visits) AS v;

with V as (select cost from visits) select sum(Cost) from v;
SELECT SUM(cost) AS sum_cost FROM (SELECT cost FROM visits) AS v;

WITH v AS (SELECT person_id, cost FROM visits WHERE cost > 1) SELECT x.cost, COUNT(*) FROM v x GROUP BY x.cost;
SELECT cost, COUNT(*) AS count FROM (SELECT person_id, cost FROM visits WHERE cost > ?) AS x GROUP BY cost;

WITH a AS (SELECT cost FROM visits), b AS (SELECT cost * 2 AS d FROM a) SELECT SUM(d) FROM b;
SELECT SUM(d) AS sum_d FROM (SELECT cost * ? AS d FROM (SELECT cost FROM visits) AS a) AS b;

WITH t AS (SELECT person_id, SUM(cost) AS total FROM visits GROUP BY person_id) SELECT AVG(total), COUNT(*) FROM t;
SELECT AVG(total) AS avg_total, COUNT(*) AS count FROM (SELECT person_id, SUM(cost) AS total FROM visits GROUP BY person_id) AS t;

WITH visits AS (SELECT * FROM visits WHERE cost > 1) SELECT COUNT(*) FROM visits;
SELECT COUNT(*) AS count FROM (SELECT * FROM visits WHERE cost > ?) AS visits;

WITH visits AS (SELECT * FROM stays) SELECT COUNT(*) FROM visits;
SELECT COUNT(*) AS count FROM (SELECT * FROM stays) AS visits;

WITH a AS (SELECT cost FROM visits), a2 AS (SELECT cost FROM a) SELECT COUNT(*) FROM a JOIN a2 ON a.cost = a2.cost;
SELECT COUNT(*) AS count FROM (SELECT cost FROM visits) AS a JOIN (SELECT cost FROM (SELECT cost FROM visits) AS a) AS a2 ON a.cost = a2.cost;

WITH v AS (SELECT person_id FROM visits) SELECT COUNT(*) FROM v a JOIN v b ON a.person_id = b.person_id;
SELECT COUNT(*) AS count FROM (SELECT person_id FROM visits) AS a JOIN (SELECT person_id FROM visits) AS b ON a.person_id = b.person_id;

WITH unused AS (SELECT cost FROM visits) SELECT COUNT(*) FROM visits;
SELECT COUNT(*) AS count FROM visits;

WITH u AS (SELECT cost FROM visits UNION ALL SELECT cost FROM stays) SELECT SUM(cost) FROM u;
SELECT SUM(cost) AS sum_cost FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM stays) AS u;

WITH a AS (SELECT cost FROM visits) SELECT COUNT(*) FROM (WITH a AS (SELECT fee FROM stays) SELECT fee FROM a) s;
SELECT COUNT(*) AS count FROM (SELECT fee FROM (SELECT fee FROM stays) AS a) AS s;

WITH a AS (SELECT cost FROM visits) SELECT COUNT(*) FROM (WITH b AS (SELECT cost FROM a) SELECT cost FROM b) s;
SELECT COUNT(*) AS count FROM (SELECT cost FROM (SELECT cost FROM (SELECT cost FROM visits) AS a) AS b) AS s;

WITH a AS (SELECT cost FROM a) SELECT COUNT(*) FROM a;
SELECT COUNT(*) AS count FROM (SELECT cost FROM a) AS a;

WITH a AS NOT MATERIALIZED (SELECT cost FROM visits) SELECT COUNT(*) FROM a;
SELECT COUNT(*) AS count FROM (SELECT cost FROM visits) AS a;


# Refused: joins of other kinds.

SELECT COUNT(*) FROM visits, people;
! sql-join: Tables are joined without saying on what, which pairs every row with every row.

SELECT COUNT(*) FROM visits CROSS JOIN people;
! sql-join: A join of that kind is not supported.

SELECT COUNT(*) FROM visits JOIN people;
! sql-join: Tables are joined without saying on what, which pairs every row with every row.

SELECT COUNT(*) FROM visits v RIGHT JOIN people p USING (person_id);
! sql-join: A RIGHT JOIN is not supported.

SELECT COUNT(*) FROM visits v FULL OUTER JOIN people p USING (person_id);
! sql-join: A FULL JOIN is not supported.

SELECT COUNT(*) FROM visits NATURAL JOIN people;
! sql-join: NATURAL, ASOF and POSITIONAL joins are not supported.

SELECT COUNT(*) FROM visits SEMI JOIN people USING (person_id);
! sql-join: A join of that kind is not supported.

SELECT COUNT(*) FROM visits ANTI JOIN people USING (person_id);
! sql-join: A join of that kind is not supported.

SELECT COUNT(*) FROM visits v ASOF JOIN people p ON v.d >= p.d;
! sql-join: NATURAL, ASOF and POSITIONAL joins are not supported.

SELECT COUNT(*) FROM visits POSITIONAL JOIN people;
! sql-join: NATURAL, ASOF and POSITIONAL joins are not supported.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id > p.person_id;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = p.person_id OR v.a = p.a;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = p.person_id AND v.cost > 1;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = p.person_id + 1;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = 5;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = v.other;
! sql-join: ON compares two columns of one table.

SELECT COUNT(*) FROM visits v JOIN people p ON p.person_id = p.other;
! sql-join: ON compares two columns of one table.

SELECT COUNT(*) FROM visits v JOIN people p ON TRUE;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON billed;
! sql-join: Tables are joined on something else than equal columns.

SELECT COUNT(*) FROM visits v JOIN people p ON v.person_id = d.person_id JOIN districts d USING (district);
! sql-name: A column is named with a table that the question does not ask.

SELECT COUNT(*) FROM visits JOIN visits USING (person_id);
! sql-duplicate-name: Two sources have one name.

SELECT COUNT(*) FROM visits v JOIN people v USING (person_id);
! sql-duplicate-name: Two sources have one name.

SELECT COUNT(*) FROM visits people JOIN people USING (person_id);
! sql-duplicate-name: Two sources have one name.

SELECT COUNT(*) FROM visits v JOIN people p USING (person_id) WHERE visits.cost > 1;
! sql-name: A column is named with a table that the question does not ask.

SELECT COUNT(*) FROM visits JOIN (people JOIN districts USING (district)) USING (person_id);
! sql-join: Tables are joined one after the other, without brackets around joins.

SELECT COUNT(*) FROM (visits JOIN people USING (person_id));
! sql-join: Tables are joined one after the other, without brackets around joins.

SELECT COUNT(*) FROM (visits);
! sql-join: A table stands in brackets.

SELECT COUNT(*) FROM visits JOIN 'people.parquet' ON a = b;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM visits JOIN read_parquet('x') p ON a = b;
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM visits JOIN main.people USING (person_id);
! sql-name: A table is named without a schema here.

SELECT COUNT(*) FROM visits, LATERAL (SELECT 1);
! sql-join: Tables are joined without saying on what, which pairs every row with every row.

SELECT COUNT(*) FROM visits LEFT JOIN LATERAL (SELECT cost FROM stays) s ON TRUE;
! sql-join: LATERAL is not supported.

SELECT COUNT(*) FROM visits v JOIN people p USING ("person_id");
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM t1 JOIN t2 USING (k) JOIN t3 USING (k) JOIN t4 USING (k) JOIN t5 USING (k) JOIN t6 USING (k) JOIN t7 USING (k) JOIN t8 USING (k) JOIN t9 USING (k);
! sql-too-large: A question reads at most 8 tables, each as often as it is named.


# Refused: sources of other kinds.

SELECT COUNT(*) FROM visits AS v(a, b);
! sql-name: Columns are not renamed after an alias.

SELECT COUNT(*) FROM visits AS "v";
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT COUNT(*) FROM 访问;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT COUNT(*) FROM (VALUES (1), (2)) v;
! sql-table-function: Rows are not written into a question.

SELECT COUNT(*) FROM range(5);
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM UNNEST([1, 2]) u;
! sql-table-function: Rows are not written into a question.

SELECT COUNT(*) FROM glob('*');
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM visits PIVOT (SUM(cost) FOR sex IN ('male'));
! sql-pivot: PIVOT is not supported.

SELECT COUNT(*) FROM information_schema.tables;
! sql-name: A table is named without a schema here.

SELECT COUNT(*) FROM read_csv_auto('/etc/passwd') JOIN visits ON a = b;
! sql-table-function: Functions that make or read tables are never called.

SELECT COUNT(*) FROM visits AT (VERSION => 1);
! sql-unsupported: This part of SQL is not supported.


# Refused: sub-queries that do anything else.

SELECT COUNT(*) FROM (SELECT DISTINCT cost FROM visits) v;
! sql-distinct: SELECT DISTINCT would list the values that occur, which tells of single rows.

SELECT COUNT(*) FROM (SELECT cost FROM visits ORDER BY cost) v;
! sql-order-by: ORDER BY has no place here, where it would sort rows.

SELECT COUNT(*) FROM (SELECT cost FROM visits LIMIT 5) v;
! sql-limit: LIMIT inside a sub-query would choose rows, and which ones tells of them.

SELECT COUNT(*) FROM (SELECT cost FROM visits OFFSET 5) v;
! sql-limit: OFFSET is not supported.

SELECT COUNT(*) FROM (SELECT cost FROM visits USING SAMPLE 5) v;
! sql-sample: Sampling is not supported: it makes no answer cheaper here.

SELECT COUNT(*) FROM (SELECT row_number() OVER () AS r FROM visits) v;
! sql-window: Window functions work on rows, and rows never leave.

SELECT COUNT(*) FROM (SELECT SUM(cost) OVER (PARTITION BY person_id) AS r FROM visits) v;
! sql-window: Window functions work on rows, and rows never leave.

SELECT COUNT(*) FROM (SELECT cost FROM visits QUALIFY row_number() OVER () = 1) v;
! sql-window: QUALIFY works on rows, and rows never leave.

SELECT COUNT(*) FROM (SELECT COUNT(*) AS n FROM visits) v;
! sql-subquery: A sub-query with an aggregate and without GROUP BY makes one row of all.

SELECT COUNT(*) FROM (SELECT cost + SUM(cost) AS n FROM visits) v;
! sql-subquery: A sub-query with an aggregate and without GROUP BY makes one row of all.

SELECT COUNT(*) FROM (SELECT cost + 1 FROM visits) v;
! sql-name: A value of a sub-query has no name.

SELECT COUNT(*) FROM (SELECT cost, cost FROM visits) v;
! sql-duplicate-name: Two columns of a sub-query have one name.

SELECT COUNT(*) FROM (SELECT cost AS a, fee AS a FROM visits) v;
! sql-duplicate-name: Two columns of a sub-query have one name.

SELECT COUNT(*) FROM (SELECT *, * FROM visits) v;
! sql-subquery: A sub-query passes on no column, or * twice.

SELECT COUNT(*) FROM (SELECT * EXCLUDE (cost) FROM visits) v;
! sql-star: Columns are not left out of *.

SELECT COUNT(*) FROM (SELECT * REPLACE (1 AS cost) FROM visits) v;
! sql-star: Columns are not replaced in *.

SELECT COUNT(*) FROM (SELECT v.* FROM visits v JOIN people p USING (person_id)) w;
! sql-subquery: Of joined tables, the columns of one are not passed on as a whole.

SELECT COUNT(*) FROM (SELECT p.* FROM visits v) w;
! sql-name: A column is named with a table that the question does not ask.

SELECT COUNT(*) FROM (SELECT cost FROM visits) AS v(x);
! sql-name: Columns are not renamed after an alias.

SELECT COUNT(*) FROM (SELECT 1) v;
! sql-no-table: The question names no table.

SELECT COUNT(*) FROM (FROM visits) v WHERE "a" = 1;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT AVG(n) FROM (SELECT person_id, district, COUNT(*) AS n FROM visits GROUP BY person_id, district) v;
! sql-subquery: GROUP BY in a sub-query takes one column, the unit.

SELECT AVG(n) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id HAVING COUNT(*) > 1) v;
! sql-having: HAVING has no place inside a sub-query.

SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM visits GROUP BY person_id + 1) v;
! sql-subquery: GROUP BY in a sub-query takes one column, the unit.

SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM visits GROUP BY ROLLUP (person_id)) v;
! sql-subquery: GROUP BY in a sub-query takes one column, the unit.

SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM visits GROUP BY ()) v;
! sql-subquery: GROUP BY in a sub-query takes one column, the unit.

SELECT AVG(n) FROM (SELECT district, COUNT(*) AS n FROM visits GROUP BY person_id) v;
! sql-subquery: A column of a sub-query is neither what it groups by nor an aggregate.

SELECT AVG(n) FROM (SELECT person_id, COUNT(DISTINCT district) AS n FROM visits GROUP BY person_id) v;
! sql-subquery: Of one unit's own rows, COUNT, SUM, AVG, MIN and MAX are known.

SELECT AVG(n) FROM (SELECT person_id, MEDIAN(cost) AS n FROM visits GROUP BY person_id) v;
! sql-subquery: Of one unit's own rows, COUNT, SUM, AVG, MIN and MAX are known.

SELECT AVG(n) FROM (SELECT person_id, SUM(cost) / COUNT(*) AS n FROM visits GROUP BY person_id) v;
! sql-subquery: A sub-query passes on each aggregate as it is.

SELECT AVG(n) FROM (SELECT person_id, SUM(cost) + 1 AS n FROM visits GROUP BY person_id) v;
! sql-subquery: A sub-query passes on each aggregate as it is.

SELECT AVG(n) FROM (SELECT person_id, COUNT(*) AS n, SUM(cost) AS n FROM visits GROUP BY person_id) v;
! sql-duplicate-name: Two columns of a sub-query have one name.

SELECT AVG(n) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id ORDER BY n LIMIT 5) v;
! sql-limit: LIMIT inside a sub-query would choose rows, and which ones tells of them.

SELECT COUNT(*) FROM visits WHERE person_id IN (SELECT person_id FROM stays);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits WHERE cost > (SELECT AVG(cost) FROM visits);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits WHERE EXISTS (SELECT 1 FROM stays WHERE stays.person_id = visits.person_id);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits WHERE NOT EXISTS (SELECT 1 FROM stays);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT (SELECT COUNT(*) FROM stays) FROM visits;
! sql-subquery: A query inside a condition or a value is not supported.

SELECT (SELECT 1) FROM visits;
! sql-subquery: A query inside a condition or a value is not supported.

SELECT SUM((SELECT MAX(cost) FROM stays)) FROM visits;
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits GROUP BY (SELECT 1);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM visits)))))))));
! sql-too-large: Sub-queries stand at most 8 deep inside one another.


# Refused: unions of other kinds.

SELECT COUNT(*) FROM visits UNION SELECT COUNT(*) FROM visits;
! sql-union: UNION has no place here.

SELECT COUNT(*) FROM visits UNION ALL SELECT COUNT(*) FROM visits;
! sql-union: UNION has no place here.

SELECT COUNT(*) FROM visits EXCEPT SELECT COUNT(*) FROM visits;
! sql-union: EXCEPT and INTERSECT compare rows one by one.

SELECT COUNT(*) FROM (SELECT cost FROM visits UNION SELECT cost FROM stays) u;
! sql-union: UNION would remove equal rows, which no bound allows.

SELECT COUNT(*) FROM (SELECT cost FROM visits EXCEPT SELECT cost FROM stays) u;
! sql-union: EXCEPT and INTERSECT compare rows one by one.

SELECT COUNT(*) FROM (SELECT cost FROM visits INTERSECT SELECT cost FROM stays) u;
! sql-union: EXCEPT and INTERSECT compare rows one by one.

SELECT COUNT(*) FROM (SELECT cost FROM visits UNION ALL BY NAME SELECT cost FROM stays) u;
! sql-union: UNION ALL BY NAME is not supported.

SELECT COUNT(*) FROM (SELECT cost FROM visits UNION ALL SELECT cost, fee FROM stays) u;
! sql-union: The parts of UNION ALL have different numbers of columns.

SELECT COUNT(*) FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM stays LIMIT 5) u;
! sql-limit: LIMIT inside a sub-query would choose rows, and which ones tells of them.

SELECT COUNT(*) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id UNION ALL SELECT person_id, cost FROM stays) u;
! sql-union: UNION ALL takes sub-queries that make one row of each row.

SELECT COUNT(*) FROM (SELECT cost FROM visits UNION ALL VALUES (1)) u;
! sql-table-function: Rows are not written into a question.


# Refused: WITH of other kinds.

WITH RECURSIVE v AS (SELECT cost FROM visits) SELECT COUNT(*) FROM v;
! sql-cte: WITH RECURSIVE has no bound on the rows of one unit.

WITH v(x) AS (SELECT cost FROM visits) SELECT COUNT(*) FROM v;
! sql-name: Columns are not renamed after an alias.

WITH v AS (SELECT cost FROM visits), v AS (SELECT cost FROM stays) SELECT COUNT(*) FROM v;
! sql-duplicate-name: Two CTEs have one name.

WITH v AS (SELECT cost FROM visits LIMIT 5) SELECT COUNT(*) FROM v;
! sql-limit: LIMIT inside a sub-query would choose rows, and which ones tells of them.

WITH v AS (SELECT COUNT(*) AS n FROM visits) SELECT COUNT(*) FROM v;
! sql-subquery: A sub-query with an aggregate and without GROUP BY makes one row of all.

WITH v AS (VALUES (1)) SELECT COUNT(*) FROM v;
! sql-table-function: Rows are not written into a question.

WITH v AS (SELECT getenv('HOME') AS h FROM visits) SELECT COUNT(*) FROM visits;
! sql-function: A function that is not known here is never called.

WITH v AS (SELECT cost FROM 'x.parquet') SELECT COUNT(*) FROM v;
! sql-quoted-name: Names in double quotes and file names are not accepted.

WITH v AS (SELECT cost FROM visits) DELETE FROM visits;
! sql-not-select: Only a SELECT is a question; nothing else is run here.

WITH v AS (SELECT cost FROM visits) SELECT * FROM v;
! row-output: SELECT * would show rows, and rows never leave.

WITH v AS (SELECT cost FROM visits) SELECT SUM(v.cost) FROM v x;
! sql-name: A column is named with a table that the question does not ask.

WITH v AS (DELETE FROM visits RETURNING *) SELECT COUNT(*) FROM v;
! sql-unsupported: This part of SQL is not supported.

WITH "v" AS (SELECT cost FROM visits) SELECT COUNT(*) FROM v;
! sql-quoted-name: Names in double quotes and file names are not accepted.

WITH a AS (SELECT x.k FROM t x JOIN t y USING (k)), b AS (SELECT x.k FROM a x JOIN a y USING (k)), c AS (SELECT x.k FROM b x JOIN b y USING (k)), d AS (SELECT x.k FROM c x JOIN c y USING (k)) SELECT COUNT(*) FROM d;
! sql-too-large: A question reads at most 8 tables, each as often as it is named.

WITH v AS (SELECT cost FROM visits);
! sql-unreadable: This is not SQL that can be read.
