-- Questions that every engine must understand alike, one a paragraph. "own" in a comment: what plain SQL
-- of DuckDB means by it differs (BIN, bounds), so only the engines and the reference are compared.

SELECT COUNT(*) AS n, COUNT(cost) AS v, COUNT(DISTINCT person_id) AS p, SUM(cost) AS s FROM visits

SELECT district, COUNT(*) AS n, SUM(debt) AS s FROM visits GROUP BY district

SELECT district, year, AVG(cost) AS a, SUM(change) AS c FROM visits GROUP BY district, year

SELECT SUM(cost + change) AS a, SUM(cost - change) AS b, SUM(cost * change) AS c, SUM(-debt) AS d FROM visits

SELECT SUM(cost * debt) AS a, SUM(cost * cost * change) AS b FROM visits

SELECT SUM(debt / 8) AS a, SUM(change / 3) AS b, SUM(cost / debt) AS c, SUM(change / debt) AS d FROM visits

SELECT SUM(change % 7) AS a, SUM(debt % 3) AS b, SUM(cost % 2.5) AS c FROM visits

SELECT SUM(FLOOR(debt)) AS a, SUM(CEIL(debt)) AS b, SUM(FLOOR(cost)) AS c, SUM(CEIL(cost)) AS d FROM visits

SELECT SUM(FLOOR(change / 4)) AS a, SUM(CEIL(change / 4)) AS b FROM visits

SELECT SUM(ROUND(debt)) AS a, SUM(ROUND(debt, 1)) AS b, SUM(ROUND(cost)) AS c FROM visits

SELECT SUM(ROUND(change / 4, 1)) AS a, SUM(ROUND(cost * 0.25, 2)) AS b FROM visits

SELECT SUM(ABS(change)) AS a, SUM(SIGN(change)) AS b, SUM(ABS(debt + 450)) AS c, SUM(SIGN(cost - 50)) AS d FROM visits

-- own: LEAST and GREATEST of NULL are NULL
SELECT SUM(LEAST(cost, change)) AS a, SUM(GREATEST(cost, change, 10)) AS b, SUM(LEAST(cost, 20)) AS c FROM visits

-- own
SELECT GREATEST(year, 2) AS y, COUNT(*) AS n FROM visits GROUP BY GREATEST(year, 2)

SELECT SUM(COALESCE(cost, change, 0)) AS a, SUM(COALESCE(change, 5)) AS b, COUNT(NULLIF(change, 0)) AS c FROM visits

SELECT SUM(1 / NULLIF(cost, 0)) AS a, SUM(change / NULLIF(cost, 0)) AS b FROM visits

SELECT SUM(CASE WHEN cost > 50 THEN 1 WHEN cost > 20 THEN change ELSE 0.5 END) AS a FROM visits

SELECT SUM(CASE WHEN cost > 50 THEN debt END) AS a, COUNT(CASE WHEN change < 0 THEN 1 END) AS b FROM visits

SELECT CASE WHEN cost < 20 THEN 'low' WHEN cost < 80 THEN 'mid' ELSE 'high' END AS class, COUNT(*) AS n
FROM visits GROUP BY CASE WHEN cost < 20 THEN 'low' WHEN cost < 80 THEN 'mid' ELSE 'high' END

SELECT CASE WHEN district = 'Bei' THEN 'O''Hara' ELSE district END AS d, COUNT(*) AS n
FROM visits GROUP BY CASE WHEN district = 'Bei' THEN 'O''Hara' ELSE district END

SELECT CASE district WHEN 'Bei' THEN 1 WHEN 'Dong' THEN 2 ELSE 3 END AS d, SUM(cost) AS s
FROM visits GROUP BY CASE district WHEN 'Bei' THEN 1 WHEN 'Dong' THEN 2 ELSE 3 END

SELECT COALESCE(district, 'nowhere') AS d, COUNT(*) AS n FROM visits GROUP BY COALESCE(district, 'nowhere')

SELECT year * 2 - 3 AS y, COUNT(*) AS n FROM visits GROUP BY year * 2 - 3

SELECT SIGN(change) AS s, COUNT(*) AS n, AVG(cost) AS a FROM visits GROUP BY SIGN(change)

SELECT BIN(cost, 25) AS b, COUNT(*) AS n FROM visits GROUP BY BIN(cost, 25)

SELECT BIN(change, 7) AS b, SUM(cost) AS s FROM visits GROUP BY BIN(change, 7)

SELECT BIN(debt, 100.5) AS b, COUNT(*) AS n FROM visits GROUP BY BIN(debt, 100.5)

SELECT FLOOR(debt / 300) AS b, COUNT(*) AS n FROM visits GROUP BY FLOOR(debt / 300)

SELECT EXTRACT(year FROM day) AS y, EXTRACT(quarter FROM day) AS q, COUNT(*) AS n
FROM visits GROUP BY EXTRACT(year FROM day), EXTRACT(quarter FROM day)

SELECT EXTRACT(month FROM day) AS m, SUM(cost) AS s FROM visits GROUP BY EXTRACT(month FROM day)

SELECT EXTRACT(week FROM day) AS w, COUNT(*) AS n FROM visits GROUP BY EXTRACT(week FROM day)

SELECT EXTRACT(isodow FROM day) AS d, COUNT(*) AS n FROM visits GROUP BY EXTRACT(isodow FROM day)

SELECT EXTRACT(day FROM day) AS d, COUNT(*) AS n FROM visits GROUP BY EXTRACT(day FROM day)

SELECT DATE_TRUNC('month', day) AS m, COUNT(*) AS n FROM visits GROUP BY DATE_TRUNC('month', day)

SELECT DATE_TRUNC('week', day) AS m, COUNT(*) AS n FROM visits GROUP BY DATE_TRUNC('week', day)

SELECT DATE_TRUNC('quarter', day) AS m, COUNT(*) AS n FROM visits GROUP BY DATE_TRUNC('quarter', day)

SELECT DATE_TRUNC('year', day) AS m, AVG(cost) AS a FROM visits GROUP BY DATE_TRUNC('year', day)

SELECT day, COUNT(*) AS n FROM visits GROUP BY day

SELECT COUNT(*) AS n FROM visits WHERE DATE_TRUNC('month', day) = '2024-12-01'

SELECT BIN(day - DATE '2024-02-29', 100) AS b, COUNT(*) AS n FROM visits
WHERE DATEDIFF('day', DATE '2024-12-31', day) < 40 GROUP BY BIN(day - DATE '2024-02-29', 100)

SELECT COUNT(*) AS n FROM visits WHERE day BETWEEN '2024-12-28' AND '2025-01-06' OR day = '2024-02-29'

SELECT COUNT(*) AS n FROM visits WHERE day - DATE '2024-01-01' > 300 AND EXTRACT(week FROM day) = 1

SELECT COUNT(*) AS a FROM visits WHERE code LIKE 'a%'

SELECT COUNT(*) AS a FROM visits WHERE code LIKE '%\%' OR code LIKE '_b'

SELECT COUNT(*) AS a FROM visits WHERE code LIKE 'a\b%' OR code LIKE '\\%' OR code NOT LIKE '%b%'

SELECT COUNT(*) AS a FROM visits WHERE district LIKE 'a\_' OR district LIKE '%''%' OR district LIKE '100%'

SELECT COUNT(*) AS a FROM visits WHERE NOT district LIKE '%o%'

SELECT COUNT(*) AS a FROM visits WHERE code IN ('ab', 'O''Hara', '\', 'a\b', '')

SELECT COUNT(*) AS a FROM visits WHERE code = 'é' OR code = 'E' OR code <> 'ab'

SELECT COUNT(*) AS a FROM visits WHERE district IN ('Bei', 'a\b', '100%_x') AND year NOT IN (1, 7)

SELECT COUNT(*) AS a FROM visits WHERE cost IN (0, 10.5, 99.9) OR change IN (-50, 20)

SELECT COUNT(*) AS a FROM visits WHERE NOT (cost > 50 OR change < 0)

SELECT COUNT(*) AS a FROM visits WHERE (cost > 50) OR change IS NULL AND NOT (district = 'Bei' AND year = 1)

SELECT COUNT(*) AS a FROM visits WHERE NOT (cost IS NULL OR NOT (change >= 0 OR debt < -450.5))

SELECT COUNT(*) AS a FROM visits WHERE urgent = TRUE

SELECT COUNT(*) AS a FROM visits WHERE urgent <> TRUE OR urgent IS NULL AND cost > 20

SELECT urgent, COUNT(*) AS n, AVG(change) AS c FROM visits GROUP BY urgent

SELECT COUNT(*) AS a FROM visits WHERE CASE WHEN urgent = TRUE THEN cost ELSE change END > 15

SELECT COUNT(*) AS a FROM visits WHERE cost * 2 + change >= 100.5 AND cost / debt < -0.3 OR NULLIF(cost, 0) > ABS(change)

-- own: a total is that of the groups shown, which have a key
SELECT district, year, COUNT(*) AS n, SUM(cost) AS s FROM visits GROUP BY ROLLUP (district, year)

-- own: as above
SELECT district, year, AVG(cost) AS a FROM visits GROUP BY CUBE (district, year)

-- own: as above
SELECT district, EXTRACT(year FROM day) AS y, SUM(change) AS c FROM visits
GROUP BY GROUPING SETS ((district), (EXTRACT(year FROM day)), ())

SELECT COUNT(*) FILTER (WHERE cost > 50) AS a, SUM(change) FILTER (WHERE urgent = TRUE) AS b,
COUNT(DISTINCT person_id) FILTER (WHERE district = 'Bei') AS c, AVG(debt) FILTER (WHERE NOT change > 0) AS d FROM visits

SELECT VAR_SAMP(cost) AS a, VAR_POP(debt) AS b, STDDEV_SAMP(change) AS c, STDDEV_POP(cost) AS d FROM visits

SELECT year, VAR_POP(cost) AS a, STDDEV_SAMP(debt) AS b FROM visits GROUP BY year

SELECT COVAR_SAMP(cost, change) AS a, COVAR_POP(debt, cost) AS b, CORR(cost, change) AS c FROM visits

SELECT REGR_SLOPE(cost, change) AS a, REGR_INTERCEPT(cost, change) AS b, REGR_R2(debt, cost) AS c FROM visits

SELECT urgent, CORR(cost, debt) AS c FROM visits GROUP BY urgent

-- own: a quantile is one of the candidates
SELECT MEDIAN(cost) AS a, QUANTILE(debt, 0.9) AS b FROM visits

-- own
SELECT district, PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY change) AS a FROM visits GROUP BY district

-- own
SELECT MIN(cost) AS a, MAX(cost) AS b, MEDIAN(cost * change) AS c FROM visits WHERE year = 1

SELECT COUNT(DISTINCT person_id) AS p, SUM(cost) / COUNT(DISTINCT person_id) AS a FROM visits WHERE year < 3

SELECT district, COUNT(DISTINCT person_id) AS p FROM visits GROUP BY district

SELECT COUNT(*) AS n, SUM(k) AS k, SUM(c) AS c, SUM(s) AS s, SUM(lo) AS lo, SUM(hi) AS hi FROM (
SELECT person_id, COUNT(*) AS k, COUNT(cost) AS c, SUM(debt) AS s, MIN(change) AS lo, MAX(cost) AS hi
FROM visits GROUP BY person_id) AS u

-- own: a person's average is cut two digits after the last
SELECT AVG(m) AS a, SUM(d) AS d FROM (SELECT person_id, AVG(cost) AS m, AVG(debt) AS d FROM visits GROUP BY person_id) AS u

SELECT k, COUNT(*) AS n FROM (SELECT person_id, COUNT(*) AS k FROM visits WHERE cost > 10 GROUP BY person_id) AS u GROUP BY k

SELECT COUNT(*) AS n, SUM(late) AS s FROM (SELECT person_id, COUNT(*) FILTER (WHERE day > '2024-12-31') AS late,
SUM(cost) FILTER (WHERE change > 0) AS c FROM visits GROUP BY person_id) AS u WHERE late > 0 OR c IS NULL

SELECT SUM(x) AS s, COUNT(*) AS n FROM (SELECT person_id, cost * 2 AS x, district FROM visits WHERE change < 10) AS r WHERE x > 20

SELECT d, AVG(z) AS a FROM (SELECT person_id, district AS d, CASE WHEN urgent = TRUE THEN cost ELSE 0 END AS z FROM visits) AS r GROUP BY d

SELECT district, COUNT(*) AS n FROM (SELECT * FROM visits WHERE year = 1) AS r WHERE urgent IS NULL GROUP BY district

WITH dear AS (SELECT person_id, cost, district FROM visits WHERE cost > 30),
sums AS (SELECT person_id, SUM(cost) AS s FROM dear GROUP BY person_id)
SELECT COUNT(*) AS n, AVG(s) AS a FROM sums WHERE s > 50

SELECT kind, COUNT(*) AS n, SUM(x) AS s FROM (SELECT person_id, 'cost' AS kind, cost AS x FROM visits
UNION ALL SELECT person_id, 'debt' AS kind, debt AS x FROM visits WHERE year = 1) AS u GROUP BY kind

SELECT d, COUNT(*) AS n FROM (SELECT person_id, district AS d FROM visits
UNION ALL SELECT person_id, CASE WHEN cost > 50 THEN 'dear' ELSE district END AS d FROM visits
UNION ALL SELECT person_id, sex AS d FROM persons) AS u GROUP BY d

SELECT COUNT(*) AS n, COUNT(day) AS d FROM (SELECT person_id, day FROM visits
UNION ALL SELECT person_id, CASE WHEN sex = 'F' THEN DATE '2024-01-01' END AS day FROM persons) AS u

SELECT p.sex, COUNT(*) AS n, SUM(v.cost) AS s, AVG(p.income) AS i FROM visits AS v
JOIN persons AS p ON v.person_id = p.person_id GROUP BY p.sex

SELECT COUNT(*) AS n, COUNT(p.income) AS i, SUM(v.cost) AS s FROM visits AS v
LEFT JOIN persons AS p ON v.person_id = p.person_id WHERE p.income IS NULL OR p.income > 1000

SELECT p.sex, COUNT(*) AS n, CORR(p.income, u.s) AS c, COUNT(DISTINCT p.person_id) AS q FROM persons AS p
JOIN (SELECT person_id, SUM(cost) AS s FROM visits GROUP BY person_id) AS u USING (person_id) GROUP BY p.sex

-- own: LEAST of NULL is NULL
SELECT SUM(LEAST(v.cost, 10)) AS a, COUNT(*) FILTER (WHERE p.income > 100 * v.cost) AS b FROM persons AS p
LEFT JOIN visits AS v ON p.person_id = v.person_id WHERE p.sex = 'F' AND NOT v.district = 'Bei'

SELECT places.region, COUNT(*) AS n, SUM(places.beds) AS b, SUM(cost) AS c FROM visits
JOIN places ON visits.district = places.name GROUP BY places.region

SELECT places.region, COUNT(*) AS n, SUM(cost) AS c FROM visits
LEFT JOIN places ON visits.district = places.name GROUP BY places.region

SELECT COUNT(*) AS n, SUM(v.cost / (q.beds + 1)) AS c, COUNT(DISTINCT v.person_id) AS p FROM visits AS v
LEFT JOIN places AS q ON v.district = q.name WHERE q.beds IS NULL OR q.beds > 50

SELECT q.region, p.sex, COUNT(*) AS n, SUM(v.cost) AS s FROM visits AS v JOIN persons AS p ON v.person_id = p.person_id
LEFT JOIN places AS q ON v.district = q.name GROUP BY q.region, p.sex

SELECT region, AVG(s) AS a FROM (SELECT v.person_id, q.region, v.cost * q.beds AS s FROM visits AS v
JOIN places AS q ON v.district = q.name WHERE q.region LIKE '%st') AS r GROUP BY region
