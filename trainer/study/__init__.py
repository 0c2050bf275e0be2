"""Studies: variants of a recipe, trained with several seeds, measured alike and summed up in one table.

`plan` is what a study file asks for, `run` trains and measures, `table` sums up what is stored.
"""
