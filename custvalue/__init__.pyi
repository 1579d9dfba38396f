# The public names. Imports are lazy: a name's module is imported when it is first used.
from .config import Settings as Settings
from .config import load_settings as load_settings
from .data.purchases import purchase_summary as purchase_summary
from .data.warehouse import Warehouse as Warehouse
from .data.warehouse import open as open  # noqa: A004, cv.open is the contract's name
from .errors import CustvalueError as CustvalueError
from .errors import DataError as DataError
from .errors import FitError as FitError
from .errors import MissingInputError as MissingInputError
from .errors import PlanError as PlanError
from .errors import SourceError as SourceError
from .experiments.verdict import does_it_pay as does_it_pay
from .models.bg_nbd import BgNbd as BgNbd
from .models.fitting import fit as fit
from .models.gamma_gamma import GammaGamma as GammaGamma
from .models.lifetime_value import lifetime_value as lifetime_value
from .models.mbg_nbd import MbgNbd as MbgNbd
from .models.nbd import Nbd as Nbd
from .paths import sample_data as sample_data
from .profit.courtesy import courtesy_cost as courtesy_cost
from .profit.waterfall import customer_profit as customer_profit
from .profit.whale import whale_curve as whale_curve
from .reports.analysis import analyse as analyse
from .service.plan import choose_levels as choose_levels
from .service.plan import plan_service as plan_service
from .service.segments import segment_customers as segment_customers
