"""Why a run's loss is what it is: its worst scenarios, the world of a scenario, an obligor's months in it."""

from ._events import EVENTS as EVENTS
from ._obligor import ObligorStory as ObligorStory
from ._obligor import obligor_story as obligor_story
from ._scenario import OBLIGORS as OBLIGORS
from ._scenario import ScenarioStory as ScenarioStory
from ._scenario import scenario_story as scenario_story
from ._told import Teller as Teller
from ._told import Told as Told
from ._told import teller as teller
from ._waterfall import Recovery as Recovery
from ._world import World as World
from ._worst import WORST as WORST
from ._worst import WorstScenarios as WorstScenarios
from ._worst import worst_numbers as worst_numbers
from ._worst import worst_scenarios as worst_scenarios
