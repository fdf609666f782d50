"""The vendor: five calls, tokens, and its answers in our words.

Reading order: `hosts`, `account`, `links`, `wire`, `failures`, `exchange`, `token_cache`, `token_answers`, `auth`,
`gate`, `patiently`, `client`.
"""
