#!/bin/sh
[ "$1" = --list ] || exit 3
cat <<'J'
{"g1": {"hosts": ["a", "b"]},
 "g2": {"hosts": ["c"], "vars": {"t": "{{ x }}", "ansible_group_priority": 3}, "children": ["g1", "g9"]},
 "all": {"vars": {"v": 1}}, "u-1": {"hosts": ["d", "a"]}, "ungrouped": {"hosts": ["e"]},
 "_meta": {"hostvars": {"a": {"q1": "{{ 1 }}", "nested": {"l": [1, null, true]}}, "in_no_group": {"k": 1}}}}
J
