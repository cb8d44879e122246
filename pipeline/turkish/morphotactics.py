"""Morphotactics: the order of Turkish suffixes as a table of states.

GRAMMAR[state][tag] is the suffix's pattern (see phonology.py) and the state that it leads to. Tags of
inflection are the usual glosses (pl, p1sg "my", acc, loc, past, sg1 "I"). Derivations, participles and
converbs have their Turkish names (li, lik, an, dik, ip). A state's name says which suffix stands last.
(Göksel & Kerslake, Turkish: A Comprehensive Grammar, 2005, ch. 8.)
"""

Suffixes = dict[str, tuple[str, str]]

PARTICLES: Suffixes = {"ask": (" mI", "end"), "da": (" dA", "end")}
# Persons of nouns and of most tenses (öğretmen-im, geliyor-um), and of -DI and -sA (geldi-m).
PERSONS: Suffixes = {
    "sg1": ("(y)Im", "person"), "sg2": ("sIn", "person"), "sg3": ("", "sg3"),
    "pl1": ("(y)Iz", "person"), "pl2": ("sInIz", "person"), "pl3": ("lAr", "pl3"),
}  # fmt: skip
SHORT_PERSONS: Suffixes = {
    "sg1": ("m", "person"), "sg2": ("n", "person"), "sg3": ("", "person"),
    "pl1": ("k", "person"), "pl2": ("nIz", "person"), "pl3": ("lAr", "pl3"),
}  # fmt: skip
COPULA: Suffixes = {
    "past": ("(y)DI", "short"), "evid": ("(y)mIş", "tense"), "cond": ("(y)sA", "short"),
    "ken": ("(y)ken", "end"), "cop": ("DIr", "cop"),
}  # fmt: skip
PREDICATE: Suffixes = {**PERSONS, **COPULA, "ask": (" mI", "ask"), "da": (" dA", "end")}
CASES: Suffixes = {
    "acc": ("(y)I", "case"), "gen": ("(n)In", "adjunct"), "dat": ("(y)A", "case"), "loc": ("DA", "adjunct"),
    "abl": ("DAn", "case"), "ins": ("(y)lA", "case"), "equ": ("CA", "case"),
}  # fmt: skip
# After a possessive of the third person, -ki and bu, şu, o: the pronominal n.
PRONOMINAL_CASES: Suffixes = {
    "acc": ("nI", "case"), "gen": ("nIn", "adjunct"), "dat": ("nA", "case"), "loc": ("ndA", "adjunct"),
    "abl": ("ndAn", "case"), "ins": ("(y)lA", "case"), "equ": ("ncA", "case"),
}  # fmt: skip
POSSESSORS: Suffixes = {
    "p1sg": ("(I)m", "possessed"), "p2sg": ("(I)n", "possessed"), "p3sg": ("(s)I", "possessed3"),
    "p1pl": ("(I)mIz", "possessed"), "p2pl": ("(I)nIz", "possessed"), "p3pl": ("lArI", "possessed3"),
}  # fmt: skip
DERIVATIONS: Suffixes = {
    "li": ("lI", "noun"), "siz": ("sIz", "noun"), "lik": ("lIk", "noun"), "ci": ("CI", "noun"),
}  # fmt: skip
NOUN: Suffixes = {**DERIVATIONS, "pl": ("lAr", "plural"), **POSSESSORS, **CASES, **PREDICATE}
TENSES: Suffixes = {
    "prog": ("(I)yor", "tense"), "makta": ("mAktA", "tense"), "aor": ("Ar", "tense"), "past": ("DI", "short"),
    "evid": ("mIş", "tense"), "fut": ("(y)AcAk", "tense"), "nec": ("mAlI", "tense"),
    "cond": ("sA", "conditional"), "opt": ("(y)A", "optative"), "imp": ("", "imperative"),
}  # fmt: skip
NON_FINITE: Suffixes = {
    "inf": ("mAk", "infinitive"), "vn": ("mA", "noun"), "ish": ("(y)Iş", "noun"), "an": ("(y)An", "noun"),
    "dik": ("DIk", "noun"), "acak": ("(y)AcAk", "noun"), "ip": ("(y)Ip", "end"), "arak": ("(y)ArAk", "end"),
    "inca": ("(y)IncA", "end"), "madan": ("mAdAn", "end"), "ali": ("(y)AlI", "end"),
    "dikca": ("DIkçA", "end"),
}  # fmt: skip

GRAMMAR: dict[str, Suffixes] = {
    "noun": {**NOUN, "ki": ("ki", "pronominal")},
    "plural": {**POSSESSORS, "p3pl": ("I", "possessed3"), **CASES, **PREDICATE, "lik": ("lIk", "noun")},
    "possessed": {**CASES, **PREDICATE},
    "possessed3": {**PRONOMINAL_CASES, **PREDICATE},
    "compound": {  # which puts plural, possessors and derivations in its own possessive's place
        **dict.fromkeys(("pl", *POSSESSORS, *DERIVATIONS), ("", "")), **PRONOMINAL_CASES, **PREDICATE,
    },
    "reflexive": {**POSSESSORS, **PRONOMINAL_CASES, **PREDICATE},  # kendi
    "pronominal": {"pl": ("lAr", "plural"), **PRONOMINAL_CASES, **PREDICATE},
    "case": PREDICATE,
    "adjunct": {**PREDICATE, "ki": ("ki", "pronominal")},
    "verb": {
        "passive": ("Il", "verb"), "caus": ("DIr", "verb"), "abil": ("(y)Abil", "ability"),
        "iver": ("(y)Iver", "verb"), "neg": ("mA", "negative"), **TENSES, **NON_FINITE,
    },
    "ability": {"neg": ("mA", "negative"), **TENSES, **NON_FINITE},
    "negative": {"abil": ("(y)Abil", "ability"), **TENSES, "aor": ("z", "negative aorist"), **NON_FINITE},
    "infinitive": {"loc": ("DA", "adjunct"), "abl": ("DAn", "case"), "ins": ("(y)lA", "case"), **PREDICATE},
    "tense": PREDICATE,
    "negative aorist": {**PREDICATE, "sg1": ("m", "person"), "pl1": ("(y)Iz", "person")},
    "short": {**SHORT_PERSONS, "past": ("(y)DI", "short"), "cond": ("(y)sA", "short"), **PARTICLES},
    "conditional": {**SHORT_PERSONS, "past": ("(y)DI", "short"), "evid": ("(y)mIş", "tense"), **PARTICLES},
    "optative": {
        "sg1": ("yIm", "person"), "sg2": ("sIn", "person"), "sg3": ("", "person"), "pl1": ("lIm", "person"),
        "pl2": ("sInIz", "person"), "pl3": ("lAr", "person"), "past": ("(y)DI", "short"), **PARTICLES,
    },
    "imperative": {
        "sg2": ("", "person"), "sg3": ("sIn", "person"), "pl2": ("(y)In", "person"),
        "polite": ("(y)InIz", "person"), "pl3": ("sInlAr", "person"), **PARTICLES,
    },
    "ask": {**PERSONS, **COPULA},
    "sg3": PARTICLES,
    "pl3": {**COPULA, **PARTICLES},
    "cop": {"pl3": ("lAr", "end")},
    "person": PARTICLES,
    "end": {},
}  # fmt: skip
