"""Schema assurance: SHACL as a gate, with reports that say what to mend."""
