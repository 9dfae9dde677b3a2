"""Corners of the template language, and what Jinja as transformers sets it up makes of them.

    python corners.py > corners.json        (transformers 5.23, Jinja2 3.1.6)
"""
import json, sys
import jinja2, transformers
import transformers.utils.chat_template_utils as utils

CONTEXT = {"x": 5, "f": 2.5, "s": "Hello World", "d": {"a": 1}, "t": True, "n": None, "l": [3, 1, 2], "long": "the quick brown fox jumps over the lazy dog"}
MACRO = "{% macro m(a, b=2) %}BODY{% endmacro %}"
ATTRIBUTES = "{{ m.name }} {{ m.arguments }} {{ m.catch_kwargs }} {{ m.catch_varargs }} {{ m.caller }} {{ m.explicit_caller }}"
TEMPLATES = [
    *("{{ " + v + "[1:] }}" for v in ("x", "f", "t", "n", "l", "s", "missing", "(l | length)", "d.keys()")),
    "{% if n %}{{ n[1:] }}{% endif %}ok", "{{ l[::-1] }}{{ s[:-3:2] }}",
    *("{% filter " + f + " %}a\n{% endfilter %}" for f in ("length", "list", "upper", "tojson", "first", "wordcount")),
    "{% call range(3) %}{% endcall %}", "{% call(q) m(1) %}{{ q }}{% endcall %}", MACRO.replace("BODY", "{{ caller(a) }}") + "{% call(q) m(1) %}<{{ q }}>{% endcall %}",
    *(MACRO.replace("BODY", body) + ATTRIBUTES for body in ("", "{{ kwargs }}", "{{ varargs }}", "{{ caller() }}", "{{ kwargs }}{{ varargs }}{{ caller is defined }}")),
    "{% macro m(caller=1) %}{{ caller }}{% endmacro %}" + ATTRIBUTES,
    *("{{ " + v + " | round(1, '" + m + "') }}" for v in ("s", "l", "x", "f", "t") for m in ("floor", "ceil")),
    *("{{ long | wordwrap(" + a + ") }}" for a in ("4", "5", "1", "4, false", "3, true, '|'", "9")), "{{ 'well-known co-operation a--b' | wordwrap(5) }}", "{{ 'state-of-the-art a-b co--op x--y z-1 3-d e.g.--what ----x l-é-é it\\'s--so' | wordwrap(3) }}", "{{ 'a-b-c-d ab-cd-e1-fg_h-ij k--2 --x y-- un-re-al' | wordwrap(1, false) }}", "{{ 'a-b-c-d-e-f' | wordwrap(3, break_on_hyphens=false) }}",
    "{{ 'aaa bbbbbbbb  cc' | wordwrap(4) | replace(' ', '_') }}",
]
compile_template = getattr(utils._cached_compile_jinja_template, "__wrapped__", utils._cached_compile_jinja_template)
cases = []
for template in TEMPLATES:
    try: cases.append(dict(name="corner", template=template, expected=compile_template(template).render(**CONTEXT)))
    except Exception as error: cases.append(dict(name="corner", template=template, error=type(error).__name__))
print(json.dumps({"transformers": transformers.__version__, "jinja2": jinja2.__version__, "python": sys.version.split()[0], "context": CONTEXT, "messages": []})[:-1] + ', "cases": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]}")
