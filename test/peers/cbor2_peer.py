"""cbor2 over standard input and output: a line of JSON asks, a line of JSON answers.

CBOR items are written as {"int": "5"}, {"float": 1.5}, {"text": "a"}, {"bytes": "00ff"}, {"bool": true},
{"array": [...]} and {"map": [[key, value], ...]}.
"""

import json
import sys
from io import BytesIO

import cbor2


def shown(item):
    if isinstance(item, bool):
        return {"bool": item}
    if isinstance(item, int):
        return {"int": str(item)}
    if isinstance(item, float):
        return {"float": item}
    if isinstance(item, str):
        return {"text": item}
    if isinstance(item, bytes):
        return {"bytes": item.hex()}
    if isinstance(item, (list, tuple)):
        return {"array": [shown(one) for one in item]}
    if isinstance(item, dict) or hasattr(item, "items"):
        return {"map": [[shown(key), shown(value)] for key, value in item.items()]}
    raise ValueError(f"no notation for {type(item).__name__}")


def item_of(notation):
    [(kind, value)] = notation.items()
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "array":
        return tuple(item_of(one) for one in value)
    if kind == "map":
        return {item_of(key): item_of(one) for key, one in value}
    return value


def answer(task):
    if task["do"] == "decode":
        source = BytesIO(bytes.fromhex(task["bytes"]))
        item = cbor2.CBORDecoder(source).decode()
        if source.read():
            raise ValueError("bytes after the item")
        return {"item": shown(item), "canonical": cbor2.dumps(item, canonical=True).hex()}
    options = {"canonical": task["canonical"], "indefinite_containers": task["indefinite"]}
    return {"bytes": cbor2.dumps(item_of(task["item"]), **options).hex()}


for line in sys.stdin:
    try:
        outcome = answer(json.loads(line))
    except (ValueError, cbor2.CBORError) as error:
        outcome = {"error": str(error)}
    print(json.dumps(outcome), flush=True)
