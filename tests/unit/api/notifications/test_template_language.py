"""What a user's template may do, what it is refused, and that it cannot run for ever or grow without end."""

import pytest
from jinja2 import TemplateSyntaxError, nodes

from btcwatcher_api.notifications.templates.language import STEPS_MAX, parse, refuse, run
from btcwatcher_api.notifications.templates.render import check, render
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_crds.notification_channel import Language

EIGHT = "{% set s = 'xxxxxxxx' %}"
LONG = EIGHT + "{% set s = s ~ s %}" * 12
LOOPS_OVER_TOO_MUCH = "the template does more than a message needs: it loops over too much"
TOO_LONG = "the template makes a text of more than 65536 characters"

FILTERS = (
    "abs, capitalize, code, d, default, first, groupby, items, join, last, length, lines, list, lower, map, money,"
    " number, percent, rejectattr, replace, reverse, round, selectattr, signed, sort, title, trim,"
    " truncate, unique, upper"
)
TESTS = "defined, divisibleby, eq, even, false, ge, gt, in, le, lt, ne, none, number, odd, string, true, undefined"


def nested(body: str, depth: int) -> str:
    names = "abcdefghijklmnop"[:depth]
    return "".join(f"{{% for {name} in 'abcdefghijkl' %}}" for name in names) + body + "{% endfor %}" * depth


REFUSED = {
    "{% for a in range(9) %}{% endfor %}": "nothing can be called: use a filter, such as {{ subject.pair | lower }}",
    "{{ subject.pair.upper() }}": "nothing can be called: use a filter, such as {{ subject.pair | lower }}",
    "{{ 9 ** 9 }}": "there is no power operator",
    "{% macro f() %}{% endmacro %}": "there are no macros",
    "{% include 'x' %}": "a template is one text: nothing can be included",
    "{% import 'x' as x %}": "a template is one text: nothing can be imported",
    "{% extends 'x' %}": "a template is one text: it extends nothing",
    "{% block a %}{% endblock %}": "there are no blocks",
    "{% set a %}x{% endset %}": "give the value in the tag itself: {% set name = ... %}",
    "{% filter upper %}x{% endfilter %}": "use the filter in an expression: {{ value | filter }}",
    "{% autoescape true %}x{% endautoescape %}": "this tag is not part of the template language",
    "{% for a in subjects recursive %}{{ loop(a) }}{% endfor %}": "a loop cannot be recursive",
    "{{ {'a': 1} }}": "there are no dictionaries",
    "{% set b = [subject, subject] %}": "a list holds plain values only",
    "{{ subjects | join(*subjects) }}": "there are no * arguments",
    "{{ 'x' | center(99) }}": f"there is no filter 'center'; there are {FILTERS}",
    "{{ '%9d' | format(1) }}": f"there is no filter 'format'; there are {FILTERS}",
    "{{ subject | attr('x') }}": f"there is no filter 'attr'; there are {FILTERS}",
    "{% if subject is callable %}{% endif %}": f"there is no test 'callable'; there are {TESTS}",
}
FAILS = {
    "{{ ''.__class__ }}": "access to attribute '__class__' of 'str' object is unsafe.",
    "{{ [1] | map(attribute='__class__') | first }}": "access to attribute '__class__' of 'int' object is unsafe.",
    "{{ self }}": "a TemplateReference cannot be printed: print a field of it, or use join",
    "{{ cycler }}": "there is no variable 'cycler'",
    "{{ subject.pear }}": "there is no field 'pear'; did you mean 'pair'?",
    "{{ subjects }}": "a list cannot be printed: print a field of it, or use join",
    "{{ 'x' * 999999999 }}": "* is for numbers, not for a str; ~ joins text",
    "{{ '%999999999d' % 1 }}": "% is for numbers, not for a str; ~ joins text",
    "{{ 1 / 0 }}": "a number cannot be divided by 0",
    "{{ 'one' | number }}": "'one' is no number",
    "{{ '1e999999' | percent }}": "the template makes a number that is too large",
    "{% set n = 9999999999 %}" + "{% set n = n * n %}" * 60: "the template makes a number that is too large",
    EIGHT + "{% set s = s ~ s %}" * 40: TOO_LONG,
    EIGHT + "{% set s = s | replace('x', 'xxxxxxxxx') %}" * 40: TOO_LONG,
    EIGHT + "{% set s = ['a', 'b', 'c'] | join(s) %}" * 40: TOO_LONG,
    nested("{{ a }}", 6): LOOPS_OVER_TOO_MUCH,
    nested("", 15): LOOPS_OVER_TOO_MUCH,
    nested("{% set x = a %}", 6): LOOPS_OVER_TOO_MUCH,
    LONG + "{% for a in s %}{% for b in s %}{% endfor %}{% endfor %}": LOOPS_OVER_TOO_MUCH,
    LONG + "{% for a in s %}{% set t = s | replace('x', 'y') %}{% endfor %}": LOOPS_OVER_TOO_MUCH,
}
FINE = (
    "{{ subject.pair }} {{ subject['pair'] }} {{ subject.headline[:3] }}",
    "{% for each in subjects %}{{ loop.index }}. {{ each.line }}\n{% endfor %}",
    "{% for name, found in subjects | groupby('headline') %}{{ name }}: {{ found | length }}\n{% endfor %}",
    "{{ subjects | map(attribute='headline') | unique | sort | join(' + ') }}",
    "{{ subjects | selectattr('pair') | list | length }} {{ subjects | rejectattr('pair', 'none') | list | length }}",
    "{% for name, value in subject.labels | items %}{{ name }}={{ value }} {% endfor %}",
    "{{ subject.labels.severity | upper | default('none', true) }} {{ subject.annotations['no such'] }}",
    "{% if subject.profit is not none and subject.profit < -0.05 %}a big loss{% else %}fine{% endif %}",
    "{{ 'a' if subject.pair else 'b' }} {{ (subject.strength or 0) * 100 | round(1) }} {{ 7 // 2 + 1.5 }}",
    "{% with a = subject.tag ~ '!' %}{{ a | truncate(20) | trim | title }}{% endwith %}{% raw %}{{ x }}{% endraw %}",
    "{% if subject.level in ['Strong', 'Medium'] %}{{ subject.level_name | lower | capitalize }}{% endif %}",
    "{{ subject.message | lines }}{{ subject.id | code }}{{ subject.price | number(3) }}{{ subject.stake | money }}",
    "{{ subject.profit_amount | abs | signed }}{{ subjects | first is defined }}{{ (subjects | reverse)[0].time }}",
)


@pytest.mark.parametrize("template", REFUSED)
def test_what_is_refused_when_it_is_read_names_its_line(template: str) -> None:
    assert check(f"first\n\n{template}") == f"line 3: {REFUSED[template]}"


@pytest.mark.parametrize("template", FAILS, ids=lambda template: template[:40])
def test_what_fails_or_does_too_much_ends_and_names_its_line(template: str) -> None:
    assert check(f"first\n{template}") == f"line 2: {FAILS[template]} (for Signal entry)"
    rendered = render(SAMPLES[:1], language=Language.ENGLISH, template=f"first\n{template}")
    assert rendered.trouble == f"line 2: {FAILS[template]}"
    assert rendered.message == render(SAMPLES[:1], language=Language.ENGLISH).message


@pytest.mark.parametrize("template", FINE, ids=lambda template: template[:40])
def test_what_users_write_is_fine_with_every_sample(template: str) -> None:
    assert check(template) is None


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 4000 + "1" + ")" * 4000 + " }}",
        "{{ " + "not " * 4000 + "1 }}",
        "{% if 1 %}" * 300 + "x" + "{% endif %}" * 300,
        nested("", 15) * 20,
        "{% for a in 'b' %}" * 30 + "x" + "{% endfor %}" * 30,
        "{{ 1" + "0" * 5000 + " }}",
        "x" * (16 * 1024 + 1),
        "{{ 'a' }}" * 1800,
        "\ud800",
        "{% for a in subjects %}{{ loop.previtem.pair }}{% endfor %}",
        "{{ subjects[99].pair }}",
        "{{ subjects | sort | first }}",
        "{{ 'abc' | truncate('x') }}",
        "{{ subject.time | upper(1) }}",
        "{% for a in subject.profit %}{% endfor %}",
    ],
    ids=range(15),
)
def test_whatever_it_is_a_message_comes_out(template: str) -> None:
    rendered = render(SAMPLES, language=Language.CHINESE, template=template)
    assert rendered.message.title
    assert (rendered.trouble is None) == (template == "{{ 'a' }}" * 1800)


def test_the_default_of_the_largest_digest_is_far_from_the_limit() -> None:
    """500 is what a worker puts into one message at most."""
    spent = []
    quiet = [sample for sample in SAMPLES if sample.priority.value == 2] * 100
    message = render(quiet, language=Language.ENGLISH).message
    assert message.title.startswith("Digest: 500 messages · Entry cancelled 100, ")
    # A loop of as many steps as all of its listed subjects take is done a dozen times over.
    for _ in range(12):
        spent.append(run(parse("{% for a in subjects %}{{ a }}{% endfor %}"), {"subjects": ["x"] * 500}))
    assert STEPS_MAX >= 50_000
    assert len(set(spent)) == 1


def test_a_message_is_bounded() -> None:
    assert check(LONG + "{{ s }}{{ s }}{{ s }}") == "the message has more than 65536 characters"


def test_what_nobody_has_thought_about_is_refused() -> None:
    """Tags that a newer Jinja2 may have."""
    with pytest.raises(TemplateSyntaxError, match="not part of the template language"):
        refuse(nodes.Continue(lineno=1))
