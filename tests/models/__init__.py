"""Models: what may happen chosen freely by hypothesis, time moved by hand, invariants after every
step.
"""
