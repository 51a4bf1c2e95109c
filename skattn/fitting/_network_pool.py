"""Compiled networks that wait for the next fit with the same architecture.

Building, compiling and tracing a network takes longer than many a fit. When an estimator is gone,
its network is kept here, and the next fit with the same configuration gets it with fresh weights.
"""

import json
import threading
import weakref
from collections import OrderedDict, deque

MAX_IDLE = 12  # networks kept: a search over texts has one or two for each fold
MAX_IDLE_WEIGHTS = 20_000_000  # in all of them; frozen pretrained layers do not count


class NetworkPool:
    """A bounded store of idle networks, the least recently used dropped first; thread-safe."""

    def __init__(self, max_idle=MAX_IDLE, max_weights=MAX_IDLE_WEIGHTS):
        self._max_idle, self._max_weights = max_idle, max_weights
        self._idle = OrderedDict()  # place -> Network; touched under the lock alone
        self._returned = deque()  # a finalizer may run anywhere, so that it only appends here
        self._lock = threading.Lock()

    def acquire(self, config, build):
        """An idle network of this configuration, or a new one; nobody else has it."""
        key = configuration_key(config)
        with self._lock:
            self._take_back()
            for place, network in self._idle.items():
                if network.key == key:
                    del self._idle[place]
                    network.config = config
                    return network
        return Network(build(config), config, key)

    def release(self, network):
        """Take a network back, unless somebody outside may hold it or it is too large to keep."""
        if network.exposed or network.model.count_params() > self._max_weights:
            return
        self._returned.append(network)
        if self._lock.acquire(blocking=False):  # held by this very thread, or soon let go
            try:
                self._take_back()
            finally:
                self._lock.release()

    def clear(self):
        """Drop every idle network."""
        with self._lock:
            self._returned.clear()
            self._idle.clear()

    def __len__(self):
        with self._lock:
            self._take_back()
            return len(self._idle)

    def _take_back(self):
        while self._returned:
            network = self._returned.popleft()
            if network.pretrained:  # the frozen layers of one pretrained model are large enough
                others = [
                    place
                    for place, idle in self._idle.items()
                    if idle.pretrained and idle.pretrained != network.pretrained
                ]
                for place in others:
                    del self._idle[place]
            self._idle[id(network)] = network
        while len(self._idle) > self._max_idle or self._n_weights() > self._max_weights:
            self._idle.popitem(last=False)

    def _n_weights(self):
        return sum(network.model.count_params() for network in self._idle.values())


class Network:
    """A compiled model and the configuration from which it can be built again.

    Attributes
    ----------
    model : ResidentModel
    config : dict
        Plain values only.
    key : str
        Equal for configurations that one compiled model can serve.
    exposed : bool
        True once the model has been handed to the user, who may keep it.
    """

    def __init__(self, model, config, key):
        self.model, self.config, self.key = model, config, key
        self.exposed = False

    @property
    def pretrained(self):
        """The fingerprint of the pretrained model whose frozen layers it holds, or None."""
        return self.config.get("backbone", {}).get("fingerprint")


class Lease:
    """Holds a network of the pool, and gives it back when nobody holds the lease any more."""

    def __init__(self, network):
        self.network = network
        weakref.finalize(self, POOL.release, network).atexit = False


def configuration_key(config):
    """A text that is equal for configurations that one compiled model can serve."""
    return json.dumps({k: v for k, v in config.items() if k != "learning_rate"}, sort_keys=True)


POOL = NetworkPool()
