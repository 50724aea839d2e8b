# Values of a row, wherever one may stand; and the conditions made of them.
# See questions.sql for the form of this file.


# Accepted: arithmetic and brackets.

SELECT SUM(cost * 2) FROM visits;
SELECT SUM(cost * ?) AS sum FROM visits;

SELECT SUM(cost + 1 - 2) FROM visits;
SELECT SUM(cost + ? - ?) AS sum FROM visits;

SELECT SUM(cost - (1 - 2)) FROM visits;
SELECT SUM(cost - (? - ?)) AS sum FROM visits;

SELECT SUM((cost + fee) * 2) FROM visits;
SELECT SUM((cost + fee) * ?) AS sum FROM visits;

SELECT SUM(cost * (fee / 2) % 3) FROM visits;
SELECT SUM(cost * (fee / ?) % ?) AS sum FROM visits;

SELECT SUM(((cost))) FROM visits;
SELECT SUM(cost) AS sum_cost FROM visits;

SELECT SUM(-cost) FROM visits;
SELECT SUM(-cost) AS sum FROM visits;

SELECT SUM(- - cost) FROM visits;
SELECT SUM(-(-cost)) AS sum FROM visits;

SELECT SUM(0 - cost) FROM visits;
SELECT SUM(-cost) AS sum FROM visits;

SELECT SUM(-(cost + fee) * -2) FROM visits;
SELECT SUM((-(cost + fee)) * ?) AS sum FROM visits;

SELECT SUM(MOD(cost + 1, 7)) FROM visits;
SELECT SUM((cost + ?) % ?) AS sum FROM visits;

SELECT SUM(cost * cost) FROM visits;
SELECT SUM(cost * cost) AS sum FROM visits;

SELECT SUM(POWER(cost, 2)) FROM visits;
SELECT SUM(cost * cost) AS sum FROM visits;

SELECT SUM(POW(cost - fee, 3)) FROM visits;
SELECT SUM((cost - fee) * (cost - fee) * (cost - fee)) AS sum FROM visits;

SELECT SUM(cost ** 2 + fee ^ 4) FROM visits;
SELECT SUM(cost * cost + fee * fee * fee * fee) AS sum FROM visits;

SELECT SUM(FLOOR(cost / 10) * 10) FROM visits;
SELECT SUM(FLOOR(cost / ?) * ?) AS sum FROM visits;

SELECT AVG(q1 + q2 + q3 + q4 + q5 + q6 + q7 + q8 + q9 + q10 + q11 + q12 + q13 + q14 + q15 + q16 + q17 + q18 + q19 + q20 + q21 + q22 + q23 + q24 + q25) FROM survey;
SELECT AVG(q1 + q2 + q3 + q4 + q5 + q6 + q7 + q8 + q9 + q10 + q11 + q12 + q13 + q14 + q15 + q16 + q17 + q18 + q19 + q20 + q21 + q22 + q23 + q24 + q25) AS avg FROM survey;

SELECT SUM(cost * 1.5) AS s FROM visits;
SELECT SUM(cost * ?) AS s FROM visits;

SELECT SUM(cost * .5) AS s FROM visits;
SELECT SUM(cost * ?) AS s FROM visits;

SELECT SUM(1) FROM visits;
SELECT SUM(?) AS sum FROM visits;


# Accepted: functions.

SELECT SUM(ABS(cost)), SUM(SIGN(cost)), SUM(FLOOR(cost)), SUM(CEIL(cost)), SUM(CEILING(cost)) FROM visits;
SELECT SUM(ABS(cost)) AS sum, SUM(SIGN(cost)) AS sum_2, SUM(FLOOR(cost)) AS sum_3, SUM(CEIL(cost)) AS sum_4, SUM(CEIL(cost)) AS sum_5 FROM visits;

SELECT SUM(ROUND(cost)), SUM(ROUND(cost, 2)), SUM(ROUND(cost, -2)) FROM visits;
SELECT SUM(ROUND(cost)) AS sum, SUM(ROUND(cost, 2)) AS sum_2, SUM(ROUND(cost, -2)) AS sum_3 FROM visits;

SELECT SUM(LEAST(cost, 100)), SUM(GREATEST(cost, fee, 0)) FROM visits;
SELECT SUM(LEAST(cost, ?)) AS sum, SUM(GREATEST(cost, fee, ?)) AS sum_2 FROM visits;

SELECT SUM(COALESCE(cost, fee, 0)) FROM visits;
SELECT SUM(COALESCE(cost, fee, ?)) AS sum FROM visits;

SELECT SUM(IFNULL(cost, 0)) FROM visits;
SELECT SUM(COALESCE(cost, ?)) AS sum FROM visits;

SELECT SUM(COALESCE(cost, NULL)) FROM visits;
SELECT SUM(COALESCE(cost, NULL)) AS sum FROM visits;

SELECT SUM(NULLIF(cost, 0)) FROM visits;
SELECT SUM(NULLIF(cost, ?)) AS sum FROM visits;

SELECT SUM(BIN(cost, 10)) FROM visits;
SELECT SUM(BIN(cost, 10)) AS sum FROM visits;

SELECT SUM(bin(cost, 2.5)) FROM visits;
SELECT SUM(BIN(cost, 2.5)) AS sum FROM visits;

SELECT SUM(ABS(cost - fee) / 2) FROM visits;
SELECT SUM(ABS(cost - fee) / ?) AS sum FROM visits;


# Accepted: dates.

SELECT COUNT(*) FROM visits WHERE DATE_TRUNC('month', visit_date) = DATE '2025-03-01';
SELECT COUNT(*) AS count FROM visits WHERE DATE_TRUNC('month', visit_date) = ?;

SELECT COUNT(*) FROM visits WHERE date_trunc('WEEK', visit_date) = '2025-03-03';
SELECT COUNT(*) AS count FROM visits WHERE DATE_TRUNC('week', visit_date) = ?;

SELECT COUNT(*) FROM visits WHERE DATE_TRUNC('month', DATE '2025-03-05') <= visit_date;
SELECT COUNT(*) AS count FROM visits WHERE DATE_TRUNC('month', ?) <= visit_date;

SELECT COUNT(*) FROM visits WHERE EXTRACT(year FROM visit_date) = 2025;
SELECT COUNT(*) AS count FROM visits WHERE EXTRACT(year FROM visit_date) = ?;

SELECT COUNT(*) FROM visits WHERE EXTRACT('quarter' FROM visit_date) = 1;
SELECT COUNT(*) AS count FROM visits WHERE EXTRACT(quarter FROM visit_date) = ?;

SELECT COUNT(*) FROM visits WHERE EXTRACT(isodow FROM visit_date) >= 6;
SELECT COUNT(*) AS count FROM visits WHERE EXTRACT(isodow FROM visit_date) >= ?;

SELECT COUNT(*) FROM visits WHERE EXTRACT(week FROM visit_date) = 1;
SELECT COUNT(*) AS count FROM visits WHERE EXTRACT(week FROM visit_date) = ?;

SELECT COUNT(*) FROM visits WHERE YEAR(visit_date) = 2025 AND MONTH(visit_date) = 1 AND DAY(visit_date) = 31;
SELECT COUNT(*) AS count FROM visits WHERE (EXTRACT(year FROM visit_date) = ?) AND (EXTRACT(month FROM visit_date) = ?) AND (EXTRACT(day FROM visit_date) = ?);

SELECT COUNT(*) FROM visits WHERE QUARTER(visit_date) IN (1, 2);
SELECT COUNT(*) AS count FROM visits WHERE EXTRACT(quarter FROM visit_date) IN (?);

SELECT COUNT(*) FROM visits WHERE DATEDIFF('day', admitted, discharged) > 7;
SELECT COUNT(*) AS count FROM visits WHERE discharged - admitted > ?;

SELECT COUNT(*) FROM visits WHERE DATE_DIFF('day', admitted, discharged) > 7;
SELECT COUNT(*) AS count FROM visits WHERE discharged - admitted > ?;

SELECT COUNT(*) FROM visits WHERE discharged - admitted > 7;
SELECT COUNT(*) AS count FROM visits WHERE discharged - admitted > ?;

SELECT AVG(discharged - admitted) FROM visits;
SELECT AVG(discharged - admitted) AS avg FROM visits;

SELECT SUM(visit_date - DATE '2025-01-01') FROM visits;
SELECT SUM(visit_date - ?) AS sum FROM visits;

SELECT year, COUNT(*) FROM visits WHERE month > 6 GROUP BY year;
SELECT year, COUNT(*) AS count FROM visits WHERE month > ? GROUP BY year;


# Accepted: CASE and IF.

SELECT SUM(CASE WHEN cost > 1 THEN 1 ELSE 0 END) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN ? ELSE ? END) AS sum FROM visits;

SELECT SUM(CASE WHEN cost > 1 THEN 1 END) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN ? END) AS sum FROM visits;

SELECT SUM(CASE WHEN cost > 1 THEN NULL ELSE cost END) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN NULL ELSE cost END) AS sum FROM visits;

SELECT SUM(CASE district WHEN 'Anlan' THEN 1 WHEN 'Beihe' THEN 2 ELSE 3 END) FROM visits;
SELECT SUM(CASE WHEN district = ? THEN ? WHEN district = ? THEN ? ELSE ? END) AS sum FROM visits;

SELECT SUM(CASE WHEN cost > 1 AND fee IS NULL THEN 1 WHEN cost BETWEEN 2 AND 3 THEN 2 END) FROM visits;
SELECT SUM(CASE WHEN (cost > ?) AND (fee IS NULL) THEN ? WHEN (cost >= ?) AND (cost <= ?) THEN ? END) AS sum FROM visits;

SELECT SUM(CASE WHEN cost > 1 THEN CASE WHEN fee > 1 THEN 2 END ELSE 0 END) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN CASE WHEN fee > ? THEN ? END ELSE ? END) AS sum FROM visits;

SELECT SUM(IF(cost > 1, cost, 0)) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN cost ELSE ? END) AS sum FROM visits;

SELECT SUM(IF(cost > 1, cost)) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN cost END) AS sum FROM visits;

SELECT SUM(IIF(cost > 1, cost, NULL)) FROM visits;
SELECT SUM(CASE WHEN cost > ? THEN cost END) AS sum FROM visits;

SELECT COUNT(*) FROM visits WHERE CASE WHEN cost > 1 THEN 'high' ELSE 'low' END = 'high';
SELECT COUNT(*) AS count FROM visits WHERE CASE WHEN cost > ? THEN ? ELSE ? END = ?;

SELECT COUNT(*) FROM visits WHERE CASE WHEN cost > 1 THEN billed ELSE FALSE END = TRUE;
SELECT COUNT(*) AS count FROM visits WHERE CASE WHEN cost > ? THEN billed ELSE ? END = ?;


# Accepted: conditions.

SELECT COUNT(*) FROM visits WHERE cost > price;
SELECT COUNT(*) AS count FROM visits WHERE cost > price;

SELECT COUNT(*) FROM visits WHERE cost + 1 > 2;
SELECT COUNT(*) AS count FROM visits WHERE cost + ? > ?;

SELECT COUNT(*) FROM visits WHERE cost > 1 + 1;
SELECT COUNT(*) AS count FROM visits WHERE cost > ? + ?;

SELECT COUNT(*) FROM visits WHERE 1/(person_id - 17) > 0;
SELECT COUNT(*) AS count FROM visits WHERE ? / (person_id - ?) > ?;

SELECT COUNT(*) FROM visits WHERE 2 < cost - fee;
SELECT COUNT(*) AS count FROM visits WHERE cost - fee > ?;

SELECT COUNT(*) FROM visits WHERE (cost) = (fee);
SELECT COUNT(*) AS count FROM visits WHERE cost = fee;

SELECT COUNT(*) FROM visits WHERE cost BETWEEN fee AND fee * 2;
SELECT COUNT(*) AS count FROM visits WHERE (cost >= fee) AND (cost <= fee * ?);

SELECT COUNT(*) FROM visits WHERE 5 BETWEEN fee AND cost;
SELECT COUNT(*) AS count FROM visits WHERE (fee <= ?) AND (cost >= ?);

SELECT COUNT(*) FROM visits WHERE cost - fee NOT BETWEEN 1 AND 2;
SELECT COUNT(*) AS count FROM visits WHERE NOT ((cost - fee >= ?) AND (cost - fee <= ?));

SELECT COUNT(*) FROM visits WHERE cost - fee IN (1, -2, 3.5);
SELECT COUNT(*) AS count FROM visits WHERE cost - fee IN (?);

SELECT COUNT(*) FROM visits WHERE visit_date IN (DATE '2025-01-01', '2025-01-02'::DATE);
SELECT COUNT(*) AS count FROM visits WHERE visit_date IN (?);

SELECT COUNT(*) FROM visits WHERE cost IN ((1), (2));
SELECT COUNT(*) AS count FROM visits WHERE cost IN (?);

SELECT COUNT(*) FROM visits WHERE cost - fee IS NULL;
SELECT COUNT(*) AS count FROM visits WHERE cost - fee IS NULL;

SELECT COUNT(*) FROM visits WHERE cost ISNULL OR fee NOTNULL;
SELECT COUNT(*) AS count FROM visits WHERE (cost IS NULL) OR (NOT (fee IS NULL));

SELECT COUNT(*) FROM visits WHERE COALESCE(cost, fee) IS NOT NULL;
SELECT COUNT(*) AS count FROM visits WHERE NOT (COALESCE(cost, fee) IS NULL);

SELECT COUNT(*) FROM visits WHERE district LIKE 'A%';
SELECT COUNT(*) AS count FROM visits WHERE district LIKE ?;

SELECT COUNT(*) FROM visits WHERE district NOT LIKE 'A_lan';
SELECT COUNT(*) AS count FROM visits WHERE NOT (district LIKE ?);

SELECT COUNT(*) FROM visits WHERE NOT district LIKE '100\%';
SELECT COUNT(*) AS count FROM visits WHERE NOT (district LIKE ?);

SELECT COUNT(*) FROM visits WHERE district ~~ 'A%';
SELECT COUNT(*) AS count FROM visits WHERE district LIKE ?;

SELECT COUNT(*) FROM visits WHERE CASE WHEN cost > 1 THEN district END LIKE 'A%';
SELECT COUNT(*) AS count FROM visits WHERE CASE WHEN cost > ? THEN district END LIKE ?;

SELECT COUNT(*) FROM visits WHERE NOT NOT cost = 1;
SELECT COUNT(*) AS count FROM visits WHERE NOT (NOT (cost = ?));

SELECT COUNT(*) FROM visits WHERE NOT (cost = 1 OR fee = 2);
SELECT COUNT(*) AS count FROM visits WHERE NOT ((cost = ?) OR (fee = ?));

SELECT COUNT(*) FROM visits WHERE district = '区县';
SELECT COUNT(*) AS count FROM visits WHERE district = ?;

SELECT COUNT(*) FROM visits WHERE cost = 99999999999999999999999999999999999999;
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE cost = 5.;
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE cost = -0.0;
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE cost == 5;
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE cost = 1_000;
SELECT COUNT(*) AS count FROM visits WHERE cost = ?;

SELECT COUNT(*) FROM visits WHERE 1 + 1 = 2;
SELECT COUNT(*) AS count FROM visits WHERE ? + ? = ?;


# Refused: NULL where a value must stand.

SELECT SUM(NULL) FROM visits;
! sql-null: NULL stands where a value must.

SELECT COUNT(NULL) FROM visits;
! sql-null: NULL stands where a value must.

SELECT SUM(cost + NULL) FROM visits;
! sql-null: NULL stands where a value must.

SELECT COUNT(*) FROM visits WHERE NULL = cost;
! sql-null: Comparing with NULL is never true.

SELECT COUNT(*) FROM visits WHERE cost BETWEEN NULL AND 2;
! sql-null: Comparing with NULL is never true.

SELECT SUM(LEAST(cost, NULL)) FROM visits;
! sql-null: NULL stands where a value must.

SELECT SUM(NULLIF(cost, NULL)) FROM visits;
! sql-null: NULL stands where a value must.

SELECT COUNT(*) FROM visits WHERE NULL IS NULL;
! sql-null: NULL stands where a value must.


# Refused: functions called otherwise, or not known.

SELECT SUM(POWER(cost, 5)) FROM visits;
! sql-function: POWER takes a whole number from 2 to 4.

SELECT SUM(POWER(cost, 0.5)) FROM visits;
! sql-function: POWER takes a whole number from 2 to 4.

SELECT SUM(POWER(cost, fee)) FROM visits;
! sql-function: POWER takes a whole number from 2 to 4.

SELECT SUM(POWER(2, cost)) FROM visits;
! sql-function: POWER takes a whole number from 2 to 4.

SELECT SUM(BIN(cost)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(cost, fee)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(cost, 0)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(cost, -10)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(cost, TRUE)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(cost, width := 10)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN(DISTINCT cost, 10)) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(BIN()) FROM visits;
! sql-function: BIN takes a value and a width, which is a number above 0.

SELECT SUM(ROUND(cost, fee)) FROM visits;
! sql-function: ROUND takes a whole number of digits, from -12 to 12.

SELECT SUM(ROUND(cost, 1.5)) FROM visits;
! sql-function: ROUND takes a whole number of digits, from -12 to 12.

SELECT SUM(ROUND(cost, 99)) FROM visits;
! sql-function: ROUND takes a whole number of digits, from -12 to 12.

SELECT SUM(ROUND(cost, 2, 'x')) FROM visits;
! sql-unsupported: This part of SQL is not supported.

SELECT SUM(FLOOR(cost, 2)) FROM visits;
! sql-unsupported: This part of SQL is not supported.

SELECT SUM(CEIL(cost, 2)) FROM visits;
! sql-unsupported: This part of SQL is not supported.

SELECT SUM(LEAST(cost)) FROM visits;
! sql-function: LEAST takes two values or more.

SELECT SUM(COALESCE(cost)) FROM visits;
! sql-function: COALESCE takes two values or more.

SELECT SUM(cost // 2) FROM visits;
! sql-function: Whole division is not supported.

SELECT SUM(cost & 2) FROM visits;
! sql-expression: That operator is not supported.

SELECT SUM(~cost) FROM visits;
! sql-expression: That operator is not supported.

SELECT SUM(SQRT(cost)) FROM visits;
! sql-function: That function is not supported.

SELECT SUM(LN(cost)) FROM visits;
! sql-function: That function is not supported.

SELECT SUM(EXP(cost)) FROM visits;
! sql-function: That function is not supported.

SELECT SUM(HASH(cost)) FROM visits;
! sql-function: A function that is not known here is never called.

SELECT SUM(my_function(cost)) FROM visits;
! sql-function: A function that is not known here is never called.

SELECT SUM(main.my_function(cost)) FROM visits;
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT SUM(cost.abs()) FROM visits;
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT SUM(TRUNC(cost)) FROM visits;
! sql-function: That function is not supported.

SELECT SUM(-'x') FROM visits;
! sql-literal: A minus sign stands before something that is no number.

SELECT SUM(cost = 1) FROM visits;
! sql-condition: A condition of this form is not supported here.

SELECT SUM(cost > 1 AND fee > 1) FROM visits;
! sql-condition: A condition of this form is not supported here.

SELECT SUM(NOT billed) FROM visits;
! sql-condition: A condition of this form is not supported here.

SELECT SUM((cost, fee)) FROM visits;
! sql-expression: Values in brackets with commas are not compared.

SELECT SUM(getvariable('x')) FROM visits;
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) FROM visits WHERE getenv('HOME') = 'x';
! sql-function: A function that is not known here is never called.

SELECT SUM(CASE WHEN getenv('HOME') = 'x' THEN 1 END) FROM visits;
! sql-function: A function that is not known here is never called.


# Refused: texts built or cut, patterns.

SELECT COUNT(*) FROM visits WHERE lower(district) = 'anlan';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE UPPER(district) = 'ANLAN';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE district || 'x' = 'Anlanx';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE CONCAT(district, 'x') = 'Anlanx';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE SUBSTRING(district, 1, 2) = 'An';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE LEFT(district, 2) = 'An';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE TRIM(district) = 'An';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE LENGTH(district) = 2;
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE REPLACE(district, 'a', 'b') = 'x';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE strftime(visit_date, '%Y') = '2025';
! sql-text: Texts are compared as they are; none is built, cut or changed.

SELECT COUNT(*) FROM visits WHERE district ILIKE 'a%';
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.

SELECT COUNT(*) FROM visits WHERE district LIKE 'a!%' ESCAPE '!';
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.

SELECT COUNT(*) FROM visits WHERE district LIKE service;
! sql-pattern: LIKE takes a pattern written as one text.

SELECT COUNT(*) FROM visits WHERE district LIKE 'a' || '%';
! sql-pattern: LIKE takes a pattern written as one text.

SELECT COUNT(*) FROM visits WHERE district LIKE 5;
! sql-pattern: LIKE takes a pattern written as one text.

SELECT COUNT(*) FROM visits WHERE district LIKE ANY ('a%', 'b%');
! sql-pattern: LIKE takes a pattern written as one text.

SELECT COUNT(*) FROM visits WHERE 'Anlan' LIKE 'A%';
! sql-condition: A condition is put on a value alone.

SELECT COUNT(*) FROM visits WHERE district SIMILAR TO 'A.*';
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.

SELECT COUNT(*) FROM visits WHERE district GLOB 'A*';
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.

SELECT COUNT(*) FROM visits WHERE district ~ 'A';
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.

SELECT COUNT(*) FROM visits WHERE regexp_matches(district, 'A');
! sql-pattern: Of patterns only LIKE is supported, without ESCAPE.


# Refused: what changes from call to call, intervals, parts of dates.

SELECT COUNT(*) FROM visits WHERE visit_date > current_date;
! sql-volatile: A function whose value changes from call to call is not called.

SELECT COUNT(*) FROM visits WHERE visit_date > NOW();
! sql-volatile: A function whose value changes from call to call is not called.

SELECT COUNT(*) FROM visits WHERE visit_date > today();
! sql-volatile: A function whose value changes from call to call is not called.

SELECT COUNT(*) FROM visits WHERE RANDOM() < 0.5;
! sql-volatile: A function whose value changes from call to call is not called.

SELECT SUM(RANDOM()) FROM visits;
! sql-volatile: A function whose value changes from call to call is not called.

SELECT SUM(uuid()) FROM visits;
! sql-volatile: A function whose value changes from call to call is not called.

SELECT COUNT(*) FROM visits WHERE visit_date + INTERVAL 1 DAY > admitted;
! sql-interval: Intervals are not added to dates.

SELECT COUNT(*) FROM visits WHERE visit_date > INTERVAL 1 DAY;
! sql-interval: Intervals are not added to dates.

SELECT COUNT(*) FROM visits WHERE date_add(visit_date, INTERVAL 1 DAY) > admitted;
! sql-interval: Intervals are not added to dates.

SELECT COUNT(*) FROM visits WHERE last_day(visit_date) = visit_date;
! sql-interval: Intervals are not added to dates.

SELECT COUNT(*) FROM visits WHERE DATE_TRUNC('hour', visit_date) = visit_date;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE DATE_TRUNC('isodow', visit_date) = visit_date;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE DATE_TRUNC(part, visit_date) = visit_date;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE EXTRACT(hour FROM visit_date) = 1;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE EXTRACT(dow FROM visit_date) = 1;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE EXTRACT(epoch FROM visit_date) = 1;
! sql-date-part: That part of a date is not one that is known here.

SELECT COUNT(*) FROM visits WHERE DATEDIFF('month', admitted, discharged) > 7;
! sql-date-part: DATEDIFF counts days only.

SELECT COUNT(*) FROM visits WHERE DATEDIFF(admitted, discharged) > 7;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(*) FROM visits WHERE date_part('year', visit_date) = 2025;
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) FROM visits WHERE dayofweek(visit_date) = 1;
! sql-function: That function is not supported.

SELECT COUNT(*) FROM visits WHERE make_date(2025, 1, 1) = visit_date;
! sql-function: That function is not supported.

SELECT COUNT(*) FROM visits WHERE age(visit_date) > 1;
! sql-function: A function that is not known here is never called.


# Refused: casts, parts of values, parameters.

SELECT SUM(CAST(service AS INTEGER)) FROM visits;
! sql-cast: Columns are used as they are, without a cast.

SELECT SUM(TRY_CAST(service AS INTEGER)) FROM visits;
! sql-cast: Columns are used as they are, without a cast.

SELECT SUM(service::INTEGER) FROM visits;
! sql-cast: Columns are used as they are, without a cast.

SELECT COUNT(*) FROM visits WHERE visit_date > TIMESTAMP '2025-01-01 00:00:00';
! sql-cast: Columns are used as they are, without a cast.

SELECT COUNT(*) FROM visits WHERE DATE(visit_date) = '2025-01-01';
! sql-function: That function is not supported.

SELECT COUNT(*) FROM visits WHERE CAST(visit_date AS DATE) = '2025-01-01';
! sql-cast: Columns are used as they are, without a cast.

SELECT SUM(tags[1]) FROM visits;
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT SUM(details.cost.net) FROM visits;
! sql-name: A table is named without a schema here.

SELECT COUNT(*) FROM visits WHERE details -> 'a' = 1;
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT COUNT(*) FROM visits WHERE json_extract(details, '$.a') = 1;
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT COUNT(*) FROM visits WHERE tags = [1, 2];
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT COUNT(*) FROM visits WHERE details = {'a': 1};
! sql-nested: Parts of lists, structures and JSON are not taken out here.

SELECT SUM(cost + ?) FROM visits;
! sql-literal: A value must stand where a placeholder does.

SELECT SUM(cost + $1) FROM visits;
! sql-literal: A value must stand where a placeholder does.

SELECT SUM(cost + :p) FROM visits;
! sql-literal: A value must stand where a placeholder does.

SELECT SUM("cost") FROM visits;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT SUM(visits."cost") FROM visits;
! sql-quoted-name: Names in double quotes and file names are not accepted.

SELECT SUM(费用) FROM visits;
! sql-name: A name here has a letter first, then letters, digits or _, at most 63, all ASCII.

SELECT SUM(cost + 1e3) FROM visits;
! sql-literal: A number is written in at most 40 plain digits here.

SELECT SUM(cost + 123456789012345678901234567890123456789012345) FROM visits;
! sql-literal: A number is written in at most 40 plain digits here.

SELECT SUM(list_transform(tags, x -> x + 1)) FROM visits;
! sql-function: That function is not supported.

SELECT SUM(COLUMNS(*)) FROM visits;
! sql-function: That function is not supported.


# Refused: conditions of other forms.

SELECT COUNT(*) FROM visits WHERE cost = 1 = TRUE;
! sql-condition: A condition of this form is not supported here.

SELECT COUNT(*) FROM visits WHERE (cost > 1) = TRUE;
! sql-condition: A condition of this form is not supported here.

SELECT COUNT(*) FROM visits WHERE cost IN (1, 1 + 1);
! sql-condition: IN takes values as they are, none to compute.

SELECT COUNT(*) FROM visits WHERE cost IN (fee);
! sql-condition: IN takes values as they are, none to compute.

SELECT COUNT(*) FROM visits WHERE 1 IN (1, 2);
! sql-condition: A condition is put on a value alone.

SELECT COUNT(*) FROM visits WHERE cost IS NOT DISTINCT FROM 1;
! sql-condition: A condition of this form is not supported here.

SELECT COUNT(*) FROM visits WHERE cost = ANY (SELECT 1);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits WHERE SUM(cost) > 1;
! sql-condition: WHERE looks at single rows, and an aggregate is of many.

SELECT COUNT(*) FROM visits WHERE COUNT(*) > 1;
! sql-condition: WHERE looks at single rows, and an aggregate is of many.

SELECT COUNT(*) FROM visits WHERE cost > 1 AND MEDIAN(cost) > 1;
! sql-condition: WHERE looks at single rows, and an aggregate is of many.

SELECT COUNT(*) FROM visits WHERE ABS(cost);
! sql-condition: A condition must compare something.

SELECT COUNT(*) FROM visits WHERE CASE WHEN cost > 1 THEN TRUE END;
! sql-condition: A condition must compare something.

SELECT SUM(CASE WHEN billed THEN 1 END) FROM visits;
! sql-condition: A condition must compare something.

SELECT SUM(CASE 1 WHEN 1 THEN 2 END) FROM visits;
! sql-condition: Two values are compared, and no column.

SELECT COUNT(*) FROM visits WHERE cost XOR fee;
! sql-unreadable: This is not SQL that can be read.

SELECT COUNT(*) FROM visits WHERE cost = 'x' COLLATE NOCASE;
! sql-expression: That operator is not supported.
