# What is shown: aggregates, formulas, keys, and what is done to the answer.
# See questions.sql for the form of this file.


# Accepted: aggregates.

SELECT COUNT(1) FROM visits;
SELECT COUNT(*) AS count FROM visits;

SELECT COUNT(cost - fee) FROM visits;
SELECT COUNT(cost - fee) AS count FROM visits;

SELECT COUNT(CASE WHEN cost > 1 THEN 1 END) FROM visits;
SELECT COUNT(CASE WHEN cost > ? THEN ? END) AS count FROM visits;

SELECT COUNT((cost)) FROM visits;
SELECT COUNT(cost) AS count_cost FROM visits;

SELECT COUNT(DISTINCT (person_id)) FROM visits;
SELECT COUNT(DISTINCT person_id) AS count_person_id FROM visits;

SELECT VAR(cost), STDDEV(fee) FROM visits;
SELECT VAR_SAMP(cost) AS var_samp_cost, STDDEV_SAMP(fee) AS stddev_samp_fee FROM visits;

SELECT VARIANCE(cost) FROM visits;
SELECT VAR_SAMP(cost) AS var_samp_cost FROM visits;

SELECT VAR_SAMP(cost), VAR_POP(cost), STDDEV_SAMP(cost), STDDEV_POP(cost) FROM visits;
SELECT VAR_SAMP(cost) AS var_samp_cost, VAR_POP(cost) AS var_pop_cost, STDDEV_SAMP(cost) AS stddev_samp_cost, STDDEV_POP(cost) AS stddev_pop_cost FROM visits;

SELECT COVAR_SAMP(y, x), COVAR_POP(y, x), CORR(y, x) FROM visits;
SELECT COVAR_SAMP(y, x) AS covar_samp_y_x, COVAR_POP(y, x) AS covar_pop_y_x, CORR(y, x) AS corr_y_x FROM visits;

SELECT REGR_SLOPE(y, x), REGR_INTERCEPT(y, x), REGR_R2(y, x) FROM visits;
SELECT REGR_SLOPE(y, x) AS regr_slope_y_x, REGR_INTERCEPT(y, x) AS regr_intercept_y_x, REGR_R2(y, x) AS regr_r2_y_x FROM visits;

SELECT CORR(cost, CASE WHEN sex = 'male' THEN 1 ELSE 0 END) FROM visits;
SELECT CORR(cost, CASE WHEN sex = ? THEN ? ELSE ? END) AS corr FROM visits;

SELECT MEDIAN(cost) FROM visits;
SELECT MEDIAN(cost) AS median_cost FROM visits;

SELECT QUANTILE(cost, 0.5) FROM visits;
SELECT MEDIAN(cost) AS median_cost FROM visits;

SELECT QUANTILE(cost, 0.90) FROM visits;
SELECT QUANTILE(cost, 0.9) AS quantile_cost FROM visits;

SELECT QUANTILE_CONT(cost, 0.25), QUANTILE_DISC(fee, 0.75) FROM visits;
SELECT QUANTILE(cost, 0.25) AS quantile_cost, QUANTILE(fee, 0.75) AS quantile_fee FROM visits;

SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY cost) FROM visits;
SELECT QUANTILE(cost, 0.9) AS quantile_cost FROM visits;

SELECT PERCENTILE_DISC(0.9999) WITHIN GROUP (ORDER BY cost ASC) AS q FROM visits;
SELECT QUANTILE(cost, 0.9999) AS q FROM visits;

SELECT MIN(cost), MAX(cost) FROM visits;
SELECT MIN(cost) AS min_cost, MAX(cost) AS max_cost FROM visits;

SELECT MIN(cost - fee) FROM visits;
SELECT MIN(cost - fee) AS min FROM visits;

SELECT SUM(ALL cost) FROM visits;
SELECT SUM(cost) AS sum_cost FROM visits;


# Accepted: aggregates of some rows.

SELECT COUNT(*) FILTER (WHERE cost > 1) FROM visits;
SELECT COUNT(*) FILTER (WHERE cost > ?) AS count FROM visits;

SELECT COUNT(*), COUNT(*) FILTER (WHERE cost > 1) FROM visits;
SELECT COUNT(*) AS count, COUNT(*) FILTER (WHERE cost > ?) AS count_2 FROM visits;

SELECT SUM(cost) FILTER (WHERE sex = 'male') AS men, SUM(cost) FILTER (WHERE sex = 'female') AS women FROM visits;
SELECT SUM(cost) FILTER (WHERE sex = ?) AS men, SUM(cost) FILTER (WHERE sex = ?) AS women FROM visits;

SELECT AVG(cost) FILTER (cost > 1) FROM visits;
SELECT AVG(cost) FILTER (WHERE cost > ?) AS avg_cost FROM visits;

SELECT COUNT(DISTINCT person_id) FILTER (WHERE cost > 1) FROM visits;
SELECT COUNT(DISTINCT person_id) FILTER (WHERE cost > ?) AS count_person_id FROM visits;

SELECT COUNT_IF(cost > 1) FROM visits;
SELECT COUNT(*) FILTER (WHERE cost > ?) AS count FROM visits;

SELECT COUNTIF(cost > 1 AND fee < 2) AS n FROM visits;
SELECT COUNT(*) FILTER (WHERE (cost > ?) AND (fee < ?)) AS n FROM visits;

SELECT COUNT_IF(cost > 1) FILTER (WHERE fee > 1) FROM visits;
SELECT COUNT(*) FILTER (WHERE (cost > ?) AND (fee > ?)) AS count FROM visits;

SELECT MEDIAN(cost) FILTER (WHERE cost > 1) FROM visits;
SELECT MEDIAN(cost) FILTER (WHERE cost > ?) AS median_cost FROM visits;

SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY cost) FILTER (WHERE cost > 1) FROM visits;
SELECT QUANTILE(cost, 0.9) FILTER (WHERE cost > ?) AS quantile_cost FROM visits;


# Accepted: formulas.

SELECT SUM(cost) / COUNT(*) FROM visits;
SELECT SUM(cost) / COUNT(*) AS value FROM visits;

SELECT SUM(cost) / COUNT(*) AS mean, COUNT(*) + 1 FROM visits;
SELECT SUM(cost) / COUNT(*) AS mean, COUNT(*) + 1 AS value FROM visits;

SELECT SUM(cost) / NULLIF(COUNT(*), 0) AS mean FROM visits;
SELECT SUM(cost) / COUNT(*) AS mean FROM visits;

SELECT SUM(cost) / NULLIF(SUM(fee) - COUNT(*), 0.0) AS mean FROM visits;
SELECT SUM(cost) / (SUM(fee) - COUNT(*)) AS mean FROM visits;

SELECT 100.0 * COUNT(*) FILTER (WHERE cost > 1) / COUNT(*) AS percent FROM visits;
SELECT 100.0 * COUNT(*) FILTER (WHERE cost > ?) / COUNT(*) AS percent FROM visits;

SELECT ROUND(100 * SUM(cost) / COUNT(*), 2) AS percent FROM visits;
SELECT ROUND(100 * SUM(cost) / COUNT(*), 2) AS percent FROM visits;

SELECT ROUND(SUM(cost)) FROM visits;
SELECT ROUND(SUM(cost), 0) AS value FROM visits;

SELECT ROUND(SUM(cost), -3) FROM visits;
SELECT ROUND(SUM(cost), -3) AS value FROM visits;

SELECT -SUM(cost) FROM visits;
SELECT -SUM(cost) AS value FROM visits;

SELECT -(SUM(cost) - SUM(fee)) * 2 AS v FROM visits;
SELECT (-(SUM(cost) - SUM(fee))) * 2 AS v FROM visits;

SELECT SUM(cost) - (SUM(fee) - 1) FROM visits;
SELECT SUM(cost) - (SUM(fee) - 1) AS value FROM visits;

SELECT (SUM(cost) + SUM(fee)) * (AVG(cost) - 1) FROM visits;
SELECT (SUM(cost) + SUM(fee)) * (AVG(cost) - 1) AS value FROM visits;

SELECT (COUNT(*)) FROM visits;
SELECT COUNT(*) AS count FROM visits;

SELECT SUM(cost) * -1 FROM visits;
SELECT SUM(cost) * -1 AS value FROM visits;

SELECT AVG(cost) + 1, AVG(cost) + 2, AVG(cost) + 3 FROM visits;
SELECT AVG(cost) + 1 AS value, AVG(cost) + 2 AS value_2, AVG(cost) + 3 AS value_3 FROM visits;


# Accepted: keys.

SELECT district, COUNT(*) FROM visits GROUP BY 1;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT COUNT(*), district, service FROM visits GROUP BY 2, 3;
SELECT COUNT(*) AS count, district, service FROM visits GROUP BY district, service;

SELECT district AS d, COUNT(*) FROM visits GROUP BY d;
SELECT district AS d, COUNT(*) AS count FROM visits GROUP BY district;

SELECT district AS d, COUNT(*) FROM visits GROUP BY district;
SELECT district AS d, COUNT(*) AS count FROM visits GROUP BY district;

SELECT v.district, COUNT(*) FROM visits v GROUP BY district;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT (district), COUNT(*) FROM visits GROUP BY (district);
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT district, service, COUNT(*) FROM visits GROUP BY (district, service);
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY district, service;

SELECT district AS a, district AS b, COUNT(*) FROM visits GROUP BY district;
SELECT district AS a, district AS b, COUNT(*) AS count FROM visits GROUP BY district;

SELECT DATE_TRUNC('month', visit_date) AS month, COUNT(*) FROM visits GROUP BY month;
SELECT DATE_TRUNC('month', visit_date) AS month, COUNT(*) AS count FROM visits GROUP BY DATE_TRUNC('month', visit_date);

SELECT DATE_TRUNC('month', visit_date), COUNT(*) FROM visits GROUP BY DATE_TRUNC('month', visit_date);
SELECT DATE_TRUNC('month', visit_date) AS month_visit_date, COUNT(*) AS count FROM visits GROUP BY DATE_TRUNC('month', visit_date);

SELECT EXTRACT(month FROM visit_date), EXTRACT(year FROM visit_date), COUNT(*) FROM visits GROUP BY MONTH(visit_date), YEAR(visit_date);
SELECT EXTRACT(month FROM visit_date) AS month_visit_date, EXTRACT(year FROM visit_date) AS year_visit_date, COUNT(*) AS count FROM visits GROUP BY EXTRACT(month FROM visit_date), EXTRACT(year FROM visit_date);

SELECT BIN(cost, 100), COUNT(*) FROM visits GROUP BY 1;
SELECT BIN(cost, 100) AS bin_cost, COUNT(*) AS count FROM visits GROUP BY BIN(cost, 100);

SELECT FLOOR(cost / 10) * 10 AS bin, COUNT(*) FROM visits GROUP BY FLOOR(cost / 10) * 10;
SELECT FLOOR(cost / ?) * ? AS bin, COUNT(*) AS count FROM visits GROUP BY FLOOR(cost / ?) * ?;

SELECT cost + 1, cost + 2, COUNT(*) FROM visits GROUP BY cost + 1, cost + 2;
SELECT cost + ? AS key, cost + ? AS key_2, COUNT(*) AS count FROM visits GROUP BY cost + ?, cost + ?;

SELECT CASE WHEN cost > 100 THEN 'high' ELSE 'low' END AS band, COUNT(*) FROM visits GROUP BY band;
SELECT CASE WHEN cost > ? THEN ? ELSE ? END AS band, COUNT(*) AS count FROM visits GROUP BY CASE WHEN cost > ? THEN ? ELSE ? END;

SELECT cost, SUM(cost) FROM visits GROUP BY cost;
SELECT cost, SUM(cost) AS sum_cost FROM visits GROUP BY cost;

SELECT cost AS fee, fee AS cost, COUNT(*) FROM visits GROUP BY cost, fee;
SELECT cost AS fee, fee AS cost, COUNT(*) AS count FROM visits GROUP BY cost, fee;

SELECT COUNT(*) FROM visits GROUP BY ();
SELECT COUNT(*) AS count FROM visits;


# Accepted: several sets of keys.

SELECT district, service, COUNT(*) FROM visits GROUP BY ROLLUP (district, service);
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY ROLLUP (district, service);

SELECT district, service, COUNT(*) FROM visits GROUP BY CUBE (district, service);
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((district, service), (district), (service), ());

SELECT district, service, COUNT(*) FROM visits GROUP BY GROUPING SETS ((district, service), (district), ());
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY ROLLUP (district, service);

SELECT district, service, COUNT(*) FROM visits GROUP BY GROUPING SETS (service, district, (district, service));
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((district, service), (service), (district));

SELECT district, service, COUNT(*) FROM visits GROUP BY district, ROLLUP (service);
SELECT district, service, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((district, service), (district));

SELECT a, b, c, COUNT(*) FROM visits GROUP BY ROLLUP (a, (b, c));
SELECT a, b, c, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((a, b, c), (a), ());

SELECT a, b, c, COUNT(*) FROM visits GROUP BY ROLLUP (a), CUBE (b, c);
SELECT a, b, c, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((a, b, c), (a, b), (a, c), (b, c), (a), (b), (c), ());

SELECT a, b, c, COUNT(*) FROM visits GROUP BY GROUPING SETS (ROLLUP (a, b), c);
SELECT a, b, c, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((a, b), (a), (c), ());

SELECT district, COUNT(*) FROM visits GROUP BY GROUPING SETS ((district));
SELECT district, COUNT(*) AS count FROM visits GROUP BY district;

SELECT COUNT(*) FROM visits GROUP BY GROUPING SETS (());
SELECT COUNT(*) AS count FROM visits;

SELECT district AS d, MONTH(visit_date) AS m, COUNT(*) FROM visits GROUP BY ROLLUP (d, 2);
SELECT district AS d, EXTRACT(month FROM visit_date) AS m, COUNT(*) AS count FROM visits GROUP BY ROLLUP (district, EXTRACT(month FROM visit_date));

SELECT a, b, c, d, e, f, COUNT(*) FROM visits GROUP BY CUBE (a, b, c, d, e, f);
SELECT a, b, c, d, e, f, COUNT(*) AS count FROM visits GROUP BY GROUPING SETS ((a, b, c, d, e, f), (a, b, c, d, e), (a, b, c, d, f), (a, b, c, e, f), (a, b, d, e, f), (a, c, d, e, f), (b, c, d, e, f), (a, b, c, d), (a, b, c, e), (a, b, c, f), (a, b, d, e), (a, b, d, f), (a, b, e, f), (a, c, d, e), (a, c, d, f), (a, c, e, f), (a, d, e, f), (b, c, d, e), (b, c, d, f), (b, c, e, f), (b, d, e, f), (c, d, e, f), (a, b, c), (a, b, d), (a, b, e), (a, b, f), (a, c, d), (a, c, e), (a, c, f), (a, d, e), (a, d, f), (a, e, f), (b, c, d), (b, c, e), (b, c, f), (b, d, e), (b, d, f), (b, e, f), (c, d, e), (c, d, f), (c, e, f), (d, e, f), (a, b), (a, c), (a, d), (a, e), (a, f), (b, c), (b, d), (b, e), (b, f), (c, d), (c, e), (c, f), (d, e), (d, f), (e, f), (a), (b), (c), (d), (e), (f), ());


# Accepted: HAVING, ORDER BY, LIMIT.

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING COUNT(*) > 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING COUNT(*) > 10;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING n > 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING COUNT(*) > 10;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING 10 < n AND SUM(cost) / n >= 2.5 OR AVG(cost) <> 3;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING ((COUNT(*) > 10) AND (SUM(cost) / COUNT(*) >= 2.5)) OR (AVG(cost) <> 3);

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING NOT (n > 10 OR n = 5);
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING (COUNT(*) <= 10) AND (COUNT(*) <> 5);

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING NOT NOT n > 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING COUNT(*) > 10;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING n BETWEEN 5 AND 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING (COUNT(*) >= 5) AND (COUNT(*) <= 10);

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING n NOT BETWEEN 5 AND 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING (COUNT(*) < 5) OR (COUNT(*) > 10);

SELECT district, COUNT(*) AS n, SUM(cost) AS s FROM visits GROUP BY district HAVING s > n * 2;
SELECT district, COUNT(*) AS n, SUM(cost) AS s FROM visits GROUP BY district HAVING SUM(cost) > COUNT(*) * 2;

SELECT district, SUM(cost) AS cost FROM visits GROUP BY district HAVING cost > 10 AND SUM(cost) > 10;
SELECT district, SUM(cost) AS cost FROM visits GROUP BY district HAVING (SUM(cost) > 10) AND (SUM(cost) > 10);

SELECT COUNT(*) AS n FROM visits HAVING n > 10;
SELECT COUNT(*) AS n FROM visits HAVING COUNT(*) > 10;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING SUM(cost) FILTER (WHERE sex = 'male') > 10;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING SUM(cost) FILTER (WHERE sex = ?) > 10;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district ORDER BY n;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district ORDER BY n;

SELECT district, COUNT(*) AS n FROM visits GROUP BY district ORDER BY n DESC, district ASC LIMIT 5;
SELECT district, COUNT(*) AS n FROM visits GROUP BY district ORDER BY n DESC, district LIMIT 5;

SELECT district, COUNT(*) FROM visits GROUP BY district ORDER BY COUNT(*) DESC NULLS LAST;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district ORDER BY count DESC;

SELECT district, COUNT(*) FROM visits GROUP BY district ORDER BY 2 DESC, 1;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district ORDER BY count DESC, district;

SELECT district, COUNT(*) FROM visits GROUP BY district ORDER BY count;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district ORDER BY count;

SELECT district AS d, COUNT(*) FROM visits GROUP BY district ORDER BY district;
SELECT district AS d, COUNT(*) AS count FROM visits GROUP BY district ORDER BY d;

SELECT MONTH(visit_date) AS m, COUNT(*) FROM visits GROUP BY m ORDER BY MONTH(visit_date);
SELECT EXTRACT(month FROM visit_date) AS m, COUNT(*) AS count FROM visits GROUP BY EXTRACT(month FROM visit_date) ORDER BY m;

SELECT district, SUM(cost) / COUNT(*) AS mean FROM visits GROUP BY district ORDER BY SUM(cost) / COUNT(*) DESC;
SELECT district, SUM(cost) / COUNT(*) AS mean FROM visits GROUP BY district ORDER BY mean DESC;

SELECT v.district, COUNT(*) FROM visits v GROUP BY v.district ORDER BY v.district;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district ORDER BY district;

SELECT district, COUNT(*) FROM visits GROUP BY district LIMIT 10000;
SELECT district, COUNT(*) AS count FROM visits GROUP BY district LIMIT 10000;

SELECT COUNT(*) FROM visits LIMIT (1);
SELECT COUNT(*) AS count FROM visits LIMIT 1;


# Refused: aggregates of other kinds and forms.

SELECT SUM(SUM(cost)) FROM visits;
! sql-nested-aggregate: An aggregate stands inside another.

SELECT SUM(cost / COUNT(*)) FROM visits;
! sql-nested-aggregate: An aggregate stands inside another.

SELECT COUNT(*) FILTER (WHERE SUM(cost) > 1) FROM visits;
! sql-nested-aggregate: An aggregate stands inside another.

SELECT COUNT_IF(COUNT(*) > 1) FROM visits;
! sql-nested-aggregate: An aggregate stands inside another.

SELECT MEDIAN(AVG(cost)) FROM visits;
! sql-nested-aggregate: An aggregate stands inside another.

SELECT COUNT() FROM visits;
! sql-count: COUNT takes * or one value.

SELECT COUNT(cost, fee) FROM visits;
! sql-unsupported: This part of SQL is not supported.

SELECT COUNT(DISTINCT person_id, district) FROM visits;
! sql-distinct: COUNT(DISTINCT ...) takes one column, the unit.

SELECT COUNT(DISTINCT person_id + 1) FROM visits;
! sql-distinct: COUNT(DISTINCT ...) takes one column, the unit.

SELECT COUNT(DISTINCT *) FROM visits;
! sql-distinct: COUNT(DISTINCT ...) takes one column, the unit.

SELECT SUM(DISTINCT cost) FROM visits;
! sql-distinct: DISTINCT is answered for COUNT of the unit only.

SELECT MEDIAN(DISTINCT cost) FROM visits;
! sql-distinct: DISTINCT is answered for COUNT of the unit only.

SELECT SUM(*) FROM visits;
! sql-count: Only COUNT takes *.

SELECT QUANTILE(cost, 0) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, 1) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, 1.5) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, -0.5) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, 0.12345) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, fee) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost, [0.25, 0.75]) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE_CONT(cost, '0.5') FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT QUANTILE(cost) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT PERCENTILE_CONT(0.9) FROM visits;
! sql-quantile: A quantile needs its fraction: a number between 0 and 1, without them, of at most 4 decimals.

SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY cost DESC) FROM visits;
! sql-quantile: A percentile orders by one value, upwards.

SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY cost, fee) FROM visits;
! sql-quantile: A percentile orders by one value, upwards.

SELECT MODE() WITHIN GROUP (ORDER BY cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT APPROX_QUANTILE(cost, 0.5) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT APPROX_COUNT_DISTINCT(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT MIN(cost, 3) FROM visits;
! sql-unsupported: This part of SQL is not supported.

SELECT FIRST(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT ANY_VALUE(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT ARG_MAX(person_id, cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT STRING_AGG(district, ',') FROM visits;
! sql-function: That aggregate is not supported here.

SELECT ARRAY_AGG(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT HISTOGRAM(cost) FROM visits;
! sql-function: A function that is not known here is never called.

SELECT MODE(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT PRODUCT(cost) FROM visits;
! sql-function: A function that is not known here is never called.

SELECT BOOL_OR(billed) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT SKEWNESS(cost) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT SUM(cost ORDER BY fee) FROM visits;
! sql-order-by: ORDER BY has no place inside an aggregate.

SELECT SUM(cost IGNORE NULLS) FROM visits;
! sql-function: That aggregate is not supported here.

SELECT VAR(cost, fee) FROM visits;
! sql-function: VAR takes one value.

SELECT VAR() FROM visits;
! sql-function: VAR takes one value.

SELECT CORR(cost) FROM visits;
! sql-unreadable: This is not SQL that can be read.

SELECT SUM(cost, fee) FROM visits;
! sql-unreadable: This is not SQL that can be read.

SELECT LEAST(a, b) FILTER (WHERE a = 1) FROM visits;
! sql-filter: FILTER belongs to an aggregate.

SELECT COUNT(*) FILTER (WHERE billed) FROM visits;
! sql-condition: A condition must compare something.

SELECT GROUPING(district), COUNT(*) FROM visits GROUP BY ROLLUP (district);
! sql-function: That aggregate is not supported here.

SELECT SUM(x := cost) FROM visits;
! sql-expression: That operator is not supported.

SELECT SUM(x => cost) FROM visits;
! sql-expression: That operator is not supported.


# Refused: formulas of other forms.

SELECT CAST(SUM(cost) AS INTEGER) FROM visits;
! sql-formula: An answer is not cast: counts and sums are numbers already.

SELECT SUM(cost)::INTEGER FROM visits;
! sql-formula: An answer is not cast: counts and sums are numbers already.

SELECT TRY_CAST(COUNT(*) AS VARCHAR) FROM visits;
! sql-formula: An answer is not cast: counts and sums are numbers already.

SELECT COALESCE(SUM(cost), 0) FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT CASE WHEN COUNT(*) > 1 THEN 1 END FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT ABS(SUM(cost)) FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT SQRT(SUM(cost)) FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT SUM(cost) % 2 FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT NULLIF(SUM(cost), 0) FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT 1 / NULLIF(SUM(cost), 1) FROM visits;
! sql-formula: NULLIF of an aggregate is known in a divisor, with 0.

SELECT SUM(cost) + 'x' FROM visits;
! sql-formula: Aggregates are numbers, and are combined and compared with numbers.

SELECT SUM(cost) + TRUE FROM visits;
! sql-formula: Aggregates are numbers, and are combined and compared with numbers.

SELECT SUM(cost) + NULL FROM visits;
! sql-null: NULL stands where a value must.

SELECT SUM(cost) + cost FROM visits;
! sql-formula: A column stands outside an aggregate, which would show rows.

SELECT district, SUM(cost) / district FROM visits GROUP BY district;
! sql-formula: A column stands outside an aggregate, which would show rows.

SELECT SUM(cost) > 1 FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT SUM(cost) || 'x' FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT getenv('HOME') || COUNT(*) FROM visits;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT ROUND(SUM(cost), COUNT(*)) FROM visits;
! sql-function: ROUND takes a whole number of digits, from -12 to 12.

SELECT SUM(cost) + (SELECT 1) FROM visits;
! sql-subquery: A query inside a condition or a value is not supported.

SELECT SUM(cost) OVER () + 1 FROM visits;
! sql-window: Window functions work on rows, and rows never leave.

SELECT COUNT(*), 5 FROM visits;
! sql-expression: A value alone is not a question.

SELECT COUNT(*), 'x' AS label FROM visits;
! sql-expression: A value alone is not a question.

SELECT COUNT(*), NULL FROM visits;
! sql-null: NULL stands where a value must.

SELECT SUM(cost) AS a, a + 1 FROM visits;
! row-output: A value of single rows stands alone in SELECT without being grouped by, which would show rows.


# Refused: keys of other forms.

SELECT COUNT(*) FROM visits GROUP BY district;
! key-not-shown: A key of GROUP BY is not in the SELECT list, so its groups could not be told apart.

SELECT district, COUNT(*) FROM visits GROUP BY district, service;
! key-not-shown: A key of GROUP BY is not in the SELECT list, so its groups could not be told apart.

SELECT district, COUNT(*) FROM visits GROUP BY ROLLUP (district, service);
! key-not-shown: A key of GROUP BY is not in the SELECT list, so its groups could not be told apart.

SELECT cost + 1, COUNT(*) FROM visits GROUP BY cost;
! row-output: A value of single rows stands alone in SELECT without being grouped by, which would show rows.

SELECT COALESCE(a, 1), COUNT(*) FROM visits GROUP BY COALESCE(a, TRUE);
! row-output: A value of single rows stands alone in SELECT without being grouped by, which would show rows.

SELECT DATE_TRUNC('month', visit_date), COUNT(*) FROM visits GROUP BY DATE_TRUNC('week', visit_date);
! row-output: A value of single rows stands alone in SELECT without being grouped by, which would show rows.

SELECT COUNT(*) FROM visits GROUP BY 1;
! sql-group-by: GROUP BY names an aggregate.

SELECT district, COUNT(*) FROM visits GROUP BY 3;
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT district, COUNT(*) FROM visits GROUP BY 0;
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT district, COUNT(*) FROM visits GROUP BY -1;
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT district, COUNT(*) FROM visits GROUP BY 'district';
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT district, COUNT(*) FROM visits GROUP BY 1.0;
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT COUNT(*) AS n FROM visits GROUP BY n;
! sql-group-by: GROUP BY names an aggregate.

SELECT 5 AS five, COUNT(*) FROM visits GROUP BY five;
! sql-group-by: GROUP BY names a value alone.

SELECT cost / 10 AS cost, COUNT(*) FROM visits GROUP BY cost;
! sql-group-by: A name in GROUP BY is both a column and an alias of something made of it.

SELECT district, COUNT(*) FROM visits GROUP BY district, 1;
! sql-group-by: A key or a set of keys stands twice in GROUP BY.

SELECT district, COUNT(*) FROM visits GROUP BY district, district;
! sql-group-by: A key or a set of keys stands twice in GROUP BY.

SELECT a, COUNT(*) FROM visits GROUP BY ROLLUP (a), a;
! sql-group-by: A key or a set of keys stands twice in GROUP BY.

SELECT a, COUNT(*) FROM visits GROUP BY GROUPING SETS ((a), (a));
! sql-group-by: A key or a set of keys stands twice in GROUP BY.

SELECT a, b, COUNT(*) FROM visits GROUP BY GROUPING SETS ((a, b), (b, a));
! sql-group-by: A key or a set of keys stands twice in GROUP BY.

SELECT a, COUNT(*) FROM visits GROUP BY a WITH ROLLUP;
! sql-group-by: Totals are asked for otherwise.

SELECT a, COUNT(*) FROM visits GROUP BY ALL;
! sql-group-by: GROUP BY ALL is not supported.

SELECT a, COUNT(*) FROM visits GROUP BY COUNT(*);
! sql-group-by: GROUP BY names an aggregate.

SELECT a, b, c, d, e, f, g, COUNT(*) FROM visits GROUP BY CUBE (a, b, c, d, e, f, g);
! sql-too-large: GROUP BY makes at most 64 sets of keys.

SELECT a, b, c, d, e, f, g, h, i, COUNT(*) FROM visits GROUP BY a, b, c, d, e, f, g, h, i;
! sql-too-large: A question has at most 8 keys.

SELECT getenv('HOME') AS k, COUNT(*) FROM visits GROUP BY k;
! sql-function: A function that is not known here is never called.

SELECT RANDOM() AS k, COUNT(*) FROM visits GROUP BY k;
! sql-volatile: A function whose value changes from call to call is not called.

SELECT CAST(cost AS INTEGER) AS k, COUNT(*) FROM visits GROUP BY k;
! sql-cast: Columns are used as they are, without a cast.

SELECT v.district, COUNT(*) FROM visits v JOIN people p USING (person_id) GROUP BY district;
! row-output: A column stands alone in SELECT without being grouped by, which would show rows.


# Refused: what is done to the answer.

SELECT district, COUNT(*) FROM visits GROUP BY district HAVING district = 'Anlan';
! sql-having: HAVING is put on a key.

SELECT district AS d, COUNT(*) FROM visits GROUP BY district HAVING d = 'Anlan';
! sql-having: HAVING is put on a key.

SELECT district, COUNT(*) FROM visits GROUP BY district HAVING cost > 1;
! sql-formula: A column stands outside an aggregate, which would show rows.

SELECT COUNT(*) AS n FROM visits HAVING n;
! sql-having: HAVING compares aggregates, joined by AND, OR, NOT.

SELECT COUNT(*) AS n FROM visits HAVING n IN (1, 2);
! sql-having: HAVING compares aggregates, joined by AND, OR, NOT.

SELECT COUNT(*) AS n FROM visits HAVING n IS NULL;
! sql-having: HAVING compares aggregates, joined by AND, OR, NOT.

SELECT COUNT(*) AS n FROM visits HAVING 1 > 0;
! sql-having: HAVING compares two values, and no aggregate.

SELECT COUNT(*) AS n FROM visits HAVING n > 'x';
! sql-formula: Aggregates are numbers, and are combined and compared with numbers.

SELECT COUNT(*) AS n FROM visits HAVING n > (SELECT 1);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) AS n FROM visits HAVING n LIKE 'x';
! sql-having: HAVING compares aggregates, joined by AND, OR, NOT.

SELECT COUNT(*) AS n FROM visits HAVING COUNT(*) = TRUE;
! sql-formula: Aggregates are numbers, and are combined and compared with numbers.

SELECT district, COUNT(*) FROM visits GROUP BY district HAVING MONTH(visit_date) = 1;
! sql-formula: Aggregates are combined by + - * / and ROUND only.

SELECT district, COUNT(*) FROM visits GROUP BY district HAVING other.n > 1;
! sql-name: A column is named with a table that the question does not ask.

SELECT COUNT(*) FROM visits ORDER BY cost;
! sql-order-by: ORDER BY names something that is not in the SELECT list.

SELECT COUNT(*) FROM visits ORDER BY SUM(cost);
! sql-order-by: ORDER BY names something that is not in the SELECT list.

SELECT COUNT(*) FROM visits ORDER BY 2;
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT COUNT(*) FROM visits ORDER BY 'count';
! sql-position: GROUP BY or ORDER BY names a value that is no position in the SELECT list.

SELECT COUNT(*) FROM visits ORDER BY ALL;
! sql-order-by: ORDER BY names something that is not in the SELECT list.

SELECT COUNT(*) FROM visits ORDER BY RANDOM();
! sql-volatile: A function whose value changes from call to call is not called.

SELECT COUNT(*) AS n FROM visits ORDER BY n NULLS FIRST;
! sql-order-by: Empty values are always last.

SELECT COUNT(*) AS n FROM visits ORDER BY n + 1;
! sql-order-by: ORDER BY names something that is not in the SELECT list.

SELECT COUNT(*) AS n FROM visits ORDER BY getenv('HOME');
! sql-function: A function that is not known here is never called.

SELECT COUNT(*) AS n FROM visits ORDER BY (SELECT 1);
! sql-subquery: A query inside a condition or a value is not supported.

SELECT COUNT(*) FROM visits LIMIT 0;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT 10001;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT 2.5;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT -1;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT ALL;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT 5%;
! sql-limit: LIMIT takes a number of rows.

SELECT COUNT(*) FROM visits LIMIT 2 + 3;
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT (SELECT 1);
! sql-limit: LIMIT takes a whole number from 1 to 10000.

SELECT COUNT(*) FROM visits LIMIT 5 OFFSET 5;
! sql-limit: OFFSET is not supported.

SELECT COUNT(*) FROM visits OFFSET 5;
! sql-limit: OFFSET is not supported.

SELECT COUNT(*) FROM visits FETCH FIRST 5 ROWS ONLY;
! sql-limit: LIMIT takes a whole number from 1 to 10000.


# Refused: two columns of one name.

SELECT COUNT(*), COUNT(*) FROM visits;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT SUM(cost), SUM(cost) FROM visits;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT COUNT(*) AS n, SUM(cost) AS N FROM visits;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT district AS n_low, COUNT(*) AS n FROM visits GROUP BY district;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT district, district, COUNT(*) FROM visits GROUP BY district;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.

SELECT service AS district, district, COUNT(*) FROM visits GROUP BY 1, 2;
! sql-duplicate-name: Two columns of the answer have one name; an aggregate also gives name_low and name_high.
