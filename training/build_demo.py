"""Build the embedded demo model anew: `make demo-model`."""

from __future__ import annotations

from diffbench.environment import quiet_libraries, share_the_cores

share_the_cores()
with quiet_libraries(verbose=False):
    from diffbench.demo.build import main

    main()
