import os
import time

_o = float(os.environ.get("CLOCK_OFFSET_S", "0"))
_f = os.environ.get("CLOCK_FILE")
if _o or _f:
    _t, _tn = time.time, time.time_ns

    def _off():
        if _f:
            try:
                return float(open(_f).read())
            except Exception:
                return 0.0
        return _o

    time.time = lambda: _t() + _off()
    time.time_ns = lambda: _tn() + int(_off() * 1e9)
