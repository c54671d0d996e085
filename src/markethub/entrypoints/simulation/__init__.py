"""The deterministic simulation: the whole core in one thread, with everything that goes wrong.

A driving side like HTTP and CLI. One seed decides everything: what people do, which faults strike
where, how tasks interleave. Equal plans give equal histories.
"""
