"""python -m tfrecord_lite"""

import sys

from tfrecord_lite.cli.main import main

sys.exit(main())
