# SPDX-License-Identifier: Apache-2.0
"""quant/README.md lists the compiler's passes as the driver runs them, in its order."""
import re

PAGE = "quant/README.md"
LIST = "quant/passes/passes.c"
DRIVEN = re.compile(r'\[BNC_PASS_\w+\] = \{"([a-z-]+)"')
BLOCK = re.compile(r"<!-- passes -->(.*?)<!-- /passes -->", re.S)


def violations(files):
    driven = DRIVEN.findall(files.get(LIST, ""))
    block = BLOCK.search(files.get(PAGE, ""))
    if not block:
        return [f"{PAGE}: there is no table between <!-- passes --> and <!-- /passes -->"]
    told = [line.split("|")[1].strip() for line in block[1].strip().split("\n")[2:]]
    return [] if told == driven else [f"{PAGE}: its passes are {', '.join(told)}; {LIST} runs {', '.join(driven)}"]
