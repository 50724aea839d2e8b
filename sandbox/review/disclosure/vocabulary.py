"""What columns and rows are called: each role by the words that people and packages use for it.

A label plays a role where its words begin or end with one of the role's phrases, so that ``cost_top1`` and
``Top 1 cost`` are both found, or where it holds one of the role's Chinese parts. The words are those of
pandas, statsmodels, lifelines, R's broom and survival, and of statistical yearbooks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
Words = tuple[str, ...]


@lru_cache(maxsize=4096)
def words(label: str) -> Words:
    """Return the words of a label in small letters; ``_`` and capitals inside separate words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return tuple(word.casefold() for word in _WORD.findall(spaced))


@dataclass(frozen=True, slots=True)
class Role:
    """What a column may be for."""

    phrases: tuple[Words, ...]
    """The longest first: of *n distinct* the whole is meant."""
    parts: tuple[str, ...] = ()
    """Found anywhere in a label: Chinese has no spaces between words."""

    def plays(self, label: str) -> bool:
        """Return whether a column or row of this name has the role."""
        return self.subject(label) is not None

    def subject(self, label: str) -> Words | None:
        """Return what the label says beside the role, as ``cost`` of ``cost_top1``; None without the role."""
        found = words(label)
        for phrase in self.phrases:
            size = len(phrase)
            if found[:size] == phrase:
                return found[size:]
            if found[-size:] == phrase:
                return found[:-size]
        part = next((part for part in self.parts if part in label), None)
        return None if part is None else words(label.replace(part, " "))

    def holds(self, label: str) -> bool:
        """Return whether any word of the label is one of the role's."""
        single = {phrase[0] for phrase in self.phrases if len(phrase) == 1}
        return not single.isdisjoint(words(label)) or any(part in label for part in self.parts)

    def is_named(self, label: str) -> bool:
        """Return whether the label says the role and nothing else."""
        return self.subject(label) == ()


def _role(english: str, *parts: str) -> Role:
    """Make a role of phrases that commas separate, and Chinese parts."""
    phrases = (tuple(phrase.split()) for phrase in english.split(","))
    return Role(tuple(sorted(phrases, key=len, reverse=True)), parts)


NOTHING = Role(())
STATISTIC = _role("n,count,counts,freq,frequency,obs,observations", "人数", "计数", "频数", "例数", "样本量")
"""A number of persons, by a name that can mean nothing else."""
COUNT = _role(
    "n,count,counts,freq,frequency,obs,observations,persons,people,patients,cases,individuals,subjects,"
    "participants,respondents,residents,inhabitants,households,pupils,students,employees,deaths,births,"
    "visits,admissions,claims,headcount",
    *("人数", "计数", "频数", "例数", "户数", "件数", "人次", "样本量", "样本数", "人口", "患者数"),
    *("数量", "次数", "家庭数", "人员数", "学生数", "死亡数", "出生数"),
)
"""A number of persons or cases."""
COUNT_ALONE = frozenset({"number", "num", "no", "人", "例", "户", "数", "总数"})
"""Names that mean a count where nothing else stands with them."""
_DERIVED = frozenset(
    {"per", "rate", "rates", "share", "shares", "proportion", "percent", "pct", "percentage", "mean", "avg"}
    | {"average", "median", "ratio", "density", "sd", "std", "se"}
)
_DERIVED_PARTS = (
    "率",
    "均",
    "占比",
    "比例",
    "百分",
    "指数",
    "密度",
    "每",
    "中位",
    "分位",
    "比重",
    "标准差",
    "不同",
)
"""In a label anywhere: what it names is computed of counts, or counts something else than persons."""
_OF_VALUES = frozenset({"distinct", "unique", "nunique", "values"})
EXTREME = _role("min,max,minimum,maximum,range,smallest,largest", "最小", "最大", "极差", "最高值", "最低值")
NUMERIC_EXTREME = _role(
    "highest,lowest,oldest,youngest,longest,shortest,earliest,latest",
    *("最高", "最低", "最早", "最晚", "最长", "最短"),
)
"""Extremes where numbers stand below; in words they are categories, as the highest school attended."""
TOP1 = _role("top1,top 1,largest contribution", "最大贡献")
TOP2 = _role("top2,top 2,second contribution,second largest", "次大贡献")
SUM = _role("sum,total", "总和", "总额", "合计")
DISTINCT = _role("distinct,nunique,n distinct,n unique,unique,unique values", "不同值数")
RESIDUAL_DOF = _role(
    "dof,df resid,df residual,df residuals,residual df,resid df,residual dof,degrees of freedom", "自由度"
)
DF = _role("df")
"""Of a model or of a term: which, the other columns tell."""
FIT = _role("r2,r²,r squared,rsquared,r 2", "决定系数", "拟合优度")
AT_RISK = _role("at risk,n risk,risk set", "风险人数", "在险人数")
RATE = _role("rate,share,proportion,percent,pct,percentage", "率", "占比", "比例", "百分比")
MISSING = _role("missing,nan,null,nulls", "缺失")
MEAN = _role("mean,avg,average", "均值", "平均")
COEFFICIENT = _role(
    "coef,coefs,coefficient,coefficients,beta,estimate,odds ratio,hazard ratio,exp coef", "系数"
)

_PERCENT = r"(?P<percent>100|[0-9]{1,2}(?:\.[0-9]+)?)"
_QUANTILE = re.compile(
    r"(?:quantile|q)_?(?P<share>0?\.[0-9]+|1\.0+)|(?P<half>median|中位数)"
    rf"|(?:p|pct|percentile|quantile)_?{_PERCENT}|q_?(?P<two>[0-9]{{2}})"
    rf"|{_PERCENT.replace('percent', 'sign')}%"
    rf"|第?{_PERCENT.replace('percent', 'nth')}(?:st|nd|rd|th)?[_ ]?(?:percentile|pct|百?分位数?)"
)
_LONGEST = 60
"""Characters of a label that may name a quantile; a longer one is a sentence."""
_QUARTER = re.compile(r"q_?(?P<quarter>[1-3])")


def is_count_name(label: str) -> bool:
    """Return whether a column of this name holds numbers of persons or cases."""
    if label.strip().casefold() in COUNT_ALONE:
        return True
    found = words(label)
    derived = not _DERIVED.isdisjoint(found) or any(part in label for part in _DERIVED_PARTS)
    return COUNT.plays(label) and not derived and found[-1] not in _OF_VALUES


def quantile_of(label: str) -> Decimal | None:
    """Return which share of the persons lies below the quantile of this name, None where it names none.

    Known are ``p5``, ``cost_p99``, ``q1`` to ``q3``, ``99%``, ``95th percentile``, ``quantile_0.9``,
    ``median``, ``99分位数``; what stands before or after does not matter but for quarters, which may be
    those of a year.
    """
    spoken = label.strip().casefold()
    if len(spoken) > _LONGEST:
        return None
    quarter = _QUARTER.fullmatch(spoken)
    if quarter:
        return Decimal(quarter["quarter"]) / 4
    pieces = re.split(r"[ _]", spoken)
    pairs = ("_".join(pieces[at : at + 2]) for at in range(len(pieces) - 1))
    found = next((one for text in (spoken, *pieces, *pairs) if (one := _QUANTILE.fullmatch(text))), None)
    if found is None:
        return None
    if found["half"]:
        return Decimal("0.5")
    if found["share"]:
        return Decimal(found["share"])
    return Decimal(found["percent"] or found["two"] or found["sign"] or found["nth"]) / 100
