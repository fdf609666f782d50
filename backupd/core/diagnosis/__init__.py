"""What a doctor says of what was found: pure rules from facts to findings, each OK, WARNING or FAILED with a remedy.

The facts come from adapters; gathering them is the work of `app.doctor`. An exit status other than 0 goes with FAILED
only, and is the one that a cycle would end with for the same reason.
"""
