"""What the reader of model files is fed: mutants of good files, in bytes and in structure.

``tests/test_hostile_files.py`` runs it in its soak tier. Run by itself, it is a target for atheris, which looks for
mutants that reach new lines of the reader:

    python tests/fuzz_model_file.py CORPUS -runs=100000
"""

import contextlib
import importlib.util
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    import atheris

    readers = ["pellucid.files", "pellucid.tables.model_file", "pellucid.estimators"]
    watched = atheris.instrument_imports(include=readers)
else:
    watched = contextlib.nullcontext()

with watched:
    import pellucid
    import pellucid.tables.model_file
    from pellucid import ModelFileError
    from pellucid.files import safetensors
    from pellucid.files.config import KNOWN

ESTIMATORS = importlib.util.find_spec("sklearn") is not None  # without it, nobody reads their files
if ESTIMATORS:
    with watched:
        import pellucid.estimators.model_file

DATA = Path(__file__).parent / "data"
GOOD = {
    path.name: path.read_bytes()
    for path in sorted(DATA.glob("*.pellucid"))
    if ESTIMATORS or "estimator" not in path.name
}

BYTES = [0, 1, 9, 10, 0x20, 0x22, 0x2C, 0x2D, 0x2E, 0x30, 0x39, 0x5B, 0x5D, 0x65, 0x7B, 0x7D, 0x7F, 0x80, 0xFF]
WHOLES = [-1, 0, 1, 2, 3, 4, 7, 255, 10**4, 10**5, 2**25, 2**31, 2**32, 10**12, 2**62, 2**63 - 1, 2**63, 10**38, 10**39]
KINDS = ["network", "table", "estimator"]
TENSORS = ["theta", "x", "state/dense_1/mean", "history/x", "history/\n", "optimizer/m", "best/theta", "figures/x"]
VALUES = [
    None, True, False, *WHOLES, -0.5, 0.5, 1.0, 1e-308, 1e308, "", "x", "float32", "two\nlines", "\ud800", "é", "Dense",
    [], [0], [2**40] * 8, [1] * 9, {}, {"type": "Dense"}, {"type": "os.system"}, {"type": "Zeros"}, {"a": 1},
]  # fmt: skip


def read(data: bytes, path: Path) -> object:
    """Return the model in these bytes, or None where they are refused as they must be: in one line, by name."""
    path.write_bytes(data)
    try:
        model = pellucid.load(path)
    except ModelFileError as refusal:
        text = str(refusal)
        assert text.startswith(f"{path}: "), text
        assert text.isprintable(), text
        assert len(text) < len(str(path)) + 500, text
        return None
    # What is accepted is a model: it can be written again.
    again = path.with_suffix(".again")
    model.save(again, overwrite=True)
    assert type(pellucid.load(again)) is type(model)
    return model


def any_mutant(chance: random.Random) -> bytes:
    """Return a mutant of one of the good files."""
    data = GOOD[chance.choice(list(GOOD))]
    return chance.choice([mutant_in_bytes, mutant_in_header, mutant_in_structure, mutant_in_structure])(data, chance)


def mutant_in_bytes(data: bytes, chance: random.Random) -> bytes:
    """Return the file with some bytes changed, cut out, doubled, moved or added."""
    mutant = bytearray(data)
    header_end = 8 + int.from_bytes(data[:8], "little")
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        place = chance.choice([chance.randrange(len(mutant) + 1), chance.randrange(header_end), chance.randrange(8)])
        length = chance.choice([1, 1, 2, 8, 64])
        part = bytes(mutant[place : place + length])
        other = chance.randrange(len(mutant) + 1)
        match chance.randrange(8):
            case 0:
                mutant[place : place + 1] = bytes(byte ^ (1 << chance.randrange(8)) for byte in part[:1])
            case 1:
                mutant[place : place + 1] = bytes([chance.choice(BYTES)])
            case 2:
                del mutant[place : place + length]
            case 3:
                mutant[place:place] = part
            case 4:
                mutant[other : other + length] = part
            case 5:
                mutant[place:place] = chance.randbytes(length)
            case 6:
                del mutant[place:]
            case 7:
                mutant[place : place + len(part)] = chance.choice(WHOLES).to_bytes(32, "little", signed=True)[
                    : len(part)
                ]
        if not mutant:
            break
    return bytes(mutant)


def mutant_in_header(data: bytes, chance: random.Random) -> bytes:
    """Return the file with its header's JSON changed somewhere, and written again in canonical form."""
    length = int.from_bytes(data[:8], "little")
    header = mutated_json(json.loads(data[8 : 8 + length]), chance)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def mutant_in_structure(data: bytes, chance: random.Random) -> bytes:
    """Return a file whose form and fingerprint are right, with configuration, texts or tensors changed."""
    tensors, metadata = safetensors.from_bytes(data, "a good file")
    text = metadata["config"]
    what = chance.random()
    if what < 0.75:
        config = mutated_json(json.loads(text), chance)
        with contextlib.suppress(ValueError):  # half a surrogate pair cannot be sorted or written by everyone
            text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    if what > 0.65:
        for _ in range(chance.choice([1, 1, 2])):
            change_tensor(tensors, chance)
    metadata |= {"config": text, "sha256": safetensors.digest(text, tensors)}
    if chance.random() < 0.05:
        metadata[chance.choice([*metadata, "more"])] = chance.choice(["", "1", "2", *KINDS, "0" * 64])
    return safetensors.to_bytes(tensors, metadata)


def mutated_json(value: object, chance: random.Random) -> object:
    """Return JSON values with one to three places changed."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        value = changed_somewhere(value, chance)
    return value


def changed_somewhere(value: object, chance: random.Random) -> object:
    here = chance.random() < 0.12
    if isinstance(value, dict) and value and not here:
        key = chance.choice(list(value))
        match chance.randrange(12):
            case 0:
                return {name: each for name, each in value.items() if name != key}
            case 1:
                return {**value, chance.choice(["", "more", "type", "\n", *value]): chance.choice(VALUES)}
            case 2:
                return {**value, key: value[chance.choice(list(value))]}
            case 3 if "type" in value:
                return {**value, "type": chance.choice(list(KNOWN))}
        return {**value, key: changed_somewhere(value[key], chance)}
    if isinstance(value, list) and value and not here:
        place = chance.randrange(len(value))
        match chance.randrange(10):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, value[place]]
            case 2:
                return value[::-1]
            case 3 if isinstance(value[place], dict):
                block = {"type": "Residual", "layers": [value[place]]}
                for _ in range(chance.choice([0, 1, 5, 20, 40])):
                    block = {"type": "Residual", "layers": [block]}
                return [*value[:place], block, *value[place + 1 :]]
        return [*value[:place], changed_somewhere(value[place], chance), *value[place + 1 :]]
    if isinstance(value, int) and chance.random() < 0.4:
        return value + chance.choice([-1, 1, 2])
    if isinstance(value, str) and chance.random() < 0.3:
        return chance.choice([value + "x", value[:-1], value.upper(), value * 500])
    return chance.choice(VALUES)


def change_tensor(tensors: dict[str, np.ndarray], chance: random.Random) -> None:
    name = chance.choice(list(tensors) or ["none"])
    tensor = tensors.pop(name, np.zeros(2))
    match chance.randrange(9):
        case 0:
            pass
        case 1:
            tensors[chance.choice(TENSORS)] = tensor
        case 2:
            tensors[name] = tensor.reshape(-1)
        case 3:
            tensors[name] = tensor[None] if tensor.ndim < safetensors.RANK_LIMIT else tensor
        case 4:
            with np.errstate(all="ignore"):
                tensors[name] = tensor.astype(chance.choice(["f2", "f4", "f8", "i1", "u8", "?"]))
        case 5:
            tensors[name] = np.concatenate([tensor, tensor]) if tensor.ndim else tensor
        case 6:
            tensors[name] = tensor[:0] if tensor.ndim else tensor
        case 7:
            tensors[name] = np.zeros(chance.choice([(0,), (0, 2**40), (2**40, 0), (1,) * 8, (), (10**5, 0)]))
        case 8:
            tensors[name] = np.full(tensor.shape, chance.choice([np.nan, np.inf, -1.0, 0.0, 1e308]))


def main() -> None:
    """Let atheris look for mutants; the first argument is a folder, which is filled with the good files."""
    corpus = Path(sys.argv[1])
    corpus.mkdir(exist_ok=True)
    for name, data in GOOD.items():
        (corpus / name).write_bytes(data)
    path = Path(tempfile.mkdtemp()) / "mutant.pellucid"

    def reader(data: bytes) -> None:
        with np.errstate(all="raise"):
            read(data, path)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return atheris.Mutate(data, most)
        try:
            return mutant_in_structure(data, chance)[:most]
        except (ModelFileError, KeyError, ValueError, TypeError):
            return mutant_in_bytes(data or b"\0", chance)[:most]

    atheris.Setup([sys.argv[0], *sys.argv[1:]], reader, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
