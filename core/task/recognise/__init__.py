"""From a folder to a CompetitionSpec: roles of tables, ids, answers, groups and times. Runs in a
worker process.
"""
