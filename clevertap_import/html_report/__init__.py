"""The report: one page of HTML that shows all imports over some days. It needs no server and no network."""
