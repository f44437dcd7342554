"""What runs on what: code, wheel, card, driver, toolkit, base image. Pure; knows no Docker and no policy.

Every answer carries the rows of the facts that decided it, and is no better than the weakest of them
(``answer.Answer.doubt``).
"""
