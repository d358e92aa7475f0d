"""The command of the shop: see `tables.py`."""

from clevertap_import.sandbox.shop.tables import main

if __name__ == "__main__":
    main()
