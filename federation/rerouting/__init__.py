"""Re-routing between grid supply points: what could move, proven by load flow, and what hinders it.

In: rows of the query files beside this package, and CIM models of several organisations. Out: a
study with its plans. Nothing here knows a store; pypowsybl is loaded only when a network is made.
"""
