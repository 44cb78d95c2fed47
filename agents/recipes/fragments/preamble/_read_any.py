import json
import zipfile

PARTS = []  # columns of the tables whose cells, joined by JOINT, are the id
JOINT = "_"
GAPS = ["", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "<NA>", "#N/A"]  # cells that are no value


def as_text(cell):
    if isinstance(cell, str):
        return cell
    return "" if pd.isna(cell) else str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def read(path, format="csv", delimiter=",", encoding="utf-8", member=None, decimal=".", share=1.0):
    """A table of ./input; ids and class labels are text as it stands in the file."""
    exact = dict.fromkeys([*ID, *KEYS, *PARTS, *(LABELS if CLASSES or TASK == "texts" else [])], str)
    file = Path("input") / path
    opened = (lambda: zipfile.ZipFile(file).open(member)) if member else (lambda: file)
    if format == "parquet":
        table = pd.read_parquet(opened())
    elif format == "csv":
        options = {"sep": delimiter, "encoding": encoding, "decimal": decimal, "low_memory": False}
        gaps = {name: GAPS for name in pd.read_csv(opened(), nrows=0, **options) if name not in exact}
        options |= {"keep_default_na": False, "na_values": gaps, "dtype": exact}
        parts = pd.read_csv(opened(), **options, chunksize=500_000 if share < 1 else None)
        table = pd.concat(part.sample(frac=share, random_state=SEED) for part in parts) if share < 1 else parts
    else:
        text = (opened().read() if member else file.read_bytes()).decode(encoding)
        lines = [line for line in text.split("\n") if line.strip()]
        table = pd.DataFrame([json.loads(line) for line in lines] if format == "jsonl" else json.loads(text))
        lists = table.map(lambda cell: isinstance(cell, list | dict))
        table = table.astype(object).mask(lists, table.astype(str)).infer_objects()
    table = table.rename(columns=lambda name: "" if str(name).startswith("Unnamed: ") else name)
    for name in exact.keys() & set(table.columns):
        table[name] = table[name].map(as_text).astype(object)
    if PARTS and KEYS[0] not in table.columns and set(PARTS) <= set(table.columns):
        table[KEYS[0]] = table[PARTS[0]].str.cat(table[PARTS[1:]], sep=JOINT)
    return table.reset_index(drop=True)
