"""The attack: a hostile guest's whole set against its neighbour and its host, counted on a score sheet.

    sheet = await Attack(handset).run(progress)

sheet.py says what comes of it, kinds.py what is tried, attack.py runs it.
"""
