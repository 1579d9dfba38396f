"""What a customer is worth, what each courtesy costs, and which service level pays."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
