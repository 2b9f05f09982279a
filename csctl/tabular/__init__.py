"""Files with rows: CSV and JSON as other systems and spreadsheets write them.

`options` says how a file is written, `opening` turns it into text, `csv_rows` and `json_rows` read rows one at a time,
whatever is wrong with them, and `reading` puts these together.
"""
