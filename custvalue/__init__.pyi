# The public names. Imports are lazy: a name's module is imported when it is first used.
from .data.purchases import purchase_summary as purchase_summary
from .data.warehouse import Warehouse as Warehouse
from .data.warehouse import open_warehouse as open_warehouse
from .errors import CustvalueError as CustvalueError
