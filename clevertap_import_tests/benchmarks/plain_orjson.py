"""The plain script with orjson in place of json."""

from .fast_json import encoded
from .plain import main

if __name__ == "__main__":
    main(encoded)
