"""LoRA adapters that make a model draw as asked.

recipe      what is trained, how, and what is measured afterwards
turns       how a model's chat template begins and ends a reply
examples    prompts and replies as token ids, with target masses
units       pieces of a step's loss that fit into memory
guard       what keeps the rest of the model as it was
loop        passes, steps, early stop
checkpoint  what an interrupted training goes on from
retention   what must not change, before and after
record      tune.json
card        the adapter's README
tune        all of it: from a model and a recipe to a folder
study       several trainings and one table
"""
