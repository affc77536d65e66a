"""
A synthetic table, and whether to trust it
==========================================

``TableDensity`` draws rows like those of a data frame, and ``TableReport`` says how like they are:
each column, each pair, whether a classifier tells the tables apart, and whether synthetic rows lie
nearer to real ones than new real rows do, as copies would.

From a shell::

    python synthetic_table.py [report.html]
"""

import sys

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from skflow import TableDensity, TableReport

# %%
# Half of the wines are learnt, the other half are held out: they say how near to a wine of the
# first half another wine usually lies.

wine = load_wine(as_frame=True)
table = wine.data[["alcohol", "flavanoids", "color_intensity", "proline"]]
table = table.assign(cultivar=wine.target_names[wine.target])
known, held_out = train_test_split(table, test_size=0.5, random_state=0)

density = TableDensity(n_members=1, hidden_features=(64, 64), max_steps=300, random_state=0)
drawn = density.fit(known).sample(500, random_state=0)
report = TableReport.from_frames(known, drawn, holdout=held_out)
print(report)

# %%
# A notebook shows the report with its pictures, and so does this page. ``to_html`` writes all of
# that to one file, which needs no network.

if sys.argv[-1].endswith(".html"):
    report.to_html(sys.argv[-1])
report  # noqa: B018, the page shows it

# %%
# What a report is there to find: a generator that copies wines, with a little noise in one column.

copied = known.sample(500, replace=True, random_state=0)
copied["proline"] += 5.0
TableReport.from_frames(known, copied, holdout=held_out)
