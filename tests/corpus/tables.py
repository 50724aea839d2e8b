"""Tables that tell too much by what stands in columns of many names, and tables that only look so."""

from __future__ import annotations

KNOWN = {
    "C1": (
        "district,n\nBei,3\nXi,60\n",
        "district,n\nBei,\uff13\nXi,\uff16\uff10\n",
        "地区,人数\n北,120人\n西,3人\n",
        "district,n\nBei,120\nXi,~3\n",
        "district,n\nBei,120\nXi,three\n",
        "district,n\nBei,120\nXi,<5\n",
        "district,n,male,female\nBei,50,3,47\nXi,60,30,30\n",
        "地区,人数,男,女\n北,50,3,47\n西,60,30,30\n",
        "group,n (%)\nBei,3 (2.4%)\nXi,120 (97.6%)\n",
        "measure,Bei,Xi\nn,3,120\nmean,5.5,6.5\n",
        "district,measure,value\nBei,n,3\nBei,mean,5.5\nXi,n,120\nXi,mean,6.1\n",
        "指标,北,西\n人数,3,120\n均值,5.5,6.5\n",
    ),
    "C3": ("district,n,male,female\nBei,50,0,50\nXi,100,40,60\n",),
    "C4": ("地区,人数,男,女\n北,1000,40,960\n西,100,40,60\n",),
    "C5": (
        "d,n,cost_top1,cost_top2,cost_sum\nBei,50,600,100,1000\n",
        "d,n,Top_1,Top_2,Sum\nBei,50,600,100,1000\n",
        "d,n,top1,top2,total_cost\nBei,50,600,100,1000\n",
    ),
    "C8": ("d,n,cost_distinct,mean_cost\nBei,50,1,31\n", "d,n,nunique,mean_cost\nBei,50,1,31\n"),
    "C9": (
        "d,n,max_cost\nBei,50,812\n",
        "d,n,cost_top1,cost_sum\nBei,50,100,1000\n",
        "d,n,highest cost\nBei,50,812\n",
        "d,n,oldest\nBei,50,103\n",
        "地区,人数,最高费用\n北,50,812\n",
        "d,n,p100\nBei,50,812\n",
        "stat,cost\ncount,50\n0%,1\n",
    ),
    "C10": (
        "d,n,cost_p99\nBei,50,812\n",
        "d,n,99%\nBei,50,812\n",
        "地区,人数,99分位数\n北,50,812\n",
        "d,n,quantile_0.99\nBei,50,812\n",
    ),
    "C11": (
        "term,coef,n,df\nage,0.5,50,4\n",
        "term,coef,n,Df Residuals\nage,0.5,50,4\n",
        "statistic,value\nresidual df,4\nn,50\n",
    ),
    "C12": (
        "term,estimate,std.error\nregion[T.North],0.5,0.1\n",
        "变量,回归系数,标准误\n地区[北],0.5,0.1\n",
    ),
    "C13": (
        "model,n,R-squared\na,50,1.0\n",
        "model,n,adj_r2\na,50,0.9999\n",
        "statistic,value\nR²,1\nn,50\n",
    ),
    "C14": ('bin,n\n"[3, 10)",50\n"[10, 20)",60\n"[20, 30)",70\n',),
    "C15": ("month,at risk\n1,500\n2,495\n3,450\n", "月,在险人数\n1,500\n2,495\n3,450\n"),
    "C16": ("district,n\nBei,123\n", "地区,患者数\n北,57\n"),
    "C17": ("d,n_sick,n,pct_sick\nBei,20,100,21.3%\n", "地区,患者数,人数,患病率\n北,20,100,21.3\n"),
    "C18": (
        "d,n\nBei,<10\nXi,50\nGrand Total,75\n",
        "地区,人数\n北,*\n西,50\n总计,75\n",
        "d,n_f,n_m,n_total\nBei,*,50,65\nXi,40,60,100\n",
        "d,n\nBei,150\nXi,<10\nNan,<10\nTotal,170\n",
        "d,n,male,female\nBei,65,*,50\nXi,100,40,60\nDong,100,50,50\n",
        "d,n,n_m,n_f\nBei,65,*,50\nXi,100,40,60\nDong,100,50,50\n",
        "d,sex,n\nBei,f,*\nBei,m,50\nXi,f,40\nXi,m,60\nBei,all,65\nXi,all,100\n",
    ),
    "C27": ("地区,人数,缺失数,平均费用\n北,50,15,31.5\n",),
}
"""By the check that must speak: tables whose columns are called as people and packages call them."""
SILENT = (
    "patients,n\nadults,50\nchildren,60\n",
    "district,n\nBei,120\nXi,<10\nDong,\n",
    "district,visits_month,n\nBei,2024-01,120\nXi,2024-02,60\n",
    "district,n,beds,rooms\nBei,50,20,45\nXi,60,30,20\n",
    "age_group,n\n0-14,100\n15-64,450\n65-120,200\n",
    "education,n\nlowest,50\nhighest,60\n",
    "highest qualification,n\nschool,50\nuniversity,60\n",
    "source,n,df,sum_sq,F\ndistrict,50,3,120.5,4.1\n",
    "d,n,cases_per_100k\nBei,50,7.5\n",
    "地区,人数,患病率\n北,100,21.3\n",
    "d,n\nBei,150\nXi,<10\nNan,<10\nTotal,160\n",
    "district,n,male,female\nBei,50,20,30\nXi,100,40,60\n",
    "year,n,2024_q1\n2023,30,101\n",
    "number_of_rooms,n\n1,50\n2,60\n3,75\n",
)
"""Tables whose names only resemble those that a check looks for."""
