"""How the embedded demo model is made: a small, openly synthetic, collapsed chat model.

Run `make demo-model`; the recipe is `training/demo/recipe.yaml`.
"""
