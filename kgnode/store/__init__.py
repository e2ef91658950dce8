"""The store: one record of versions and cells, merged views of them, evaluators that can be ended.

Nothing is imported here, so that the small processes which hold a view start with little.
"""
