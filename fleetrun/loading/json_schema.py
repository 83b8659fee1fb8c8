"""The language as a JSON Schema (draft 7), for editors: made of the loader's own tables.

An editor cannot know everything: what a template gives, which roles and
variables there are. Wherever a template may stand, text with ``{{`` passes.
What passes here may still be refused by the loader; what the loader accepts
passes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fleetrun.loading.modules import COLLECTIONS, RENAMED, ModuleLibrary
from fleetrun.loading.schema import KEYWORDS, Keyword, Level
from fleetrun.model.module import ArgSpec, ArgType, ModuleSpec

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_TEMPLATE: Final[Schema] = {"type": "string", "pattern": r"\{\{|\{%"}
_TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
_FLAG: Final[Schema] = {"anyOf": [
    {"type": "boolean"}, {"enum": [0, 1]},
    # Editors read YAML 1.2, where `yes` is text; JavaScript's patterns know no (?i).
    {"type": "string", "pattern": "^([Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff]|"
     "[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[01])$"}, _TEMPLATE,
]}
_NUMBER: Final[Schema] = {"anyOf": [
    {"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, _TEMPLATE,
]}
_SHARE: Final[Schema] = {"anyOf": [
    {"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%?$"}, _TEMPLATE,
]}
_SHARE_OR_WORD: Final[Schema] = {"anyOf": [{"enum": ["all", "any"]}, _SHARE]}
_CONDITION: Final[Schema] = {"type": ["string", "boolean", "number"]}
_ANY_LIST: Final[Schema] = {"anyOf": [{"type": "array"}, {"type": ["string", "null"]}]}
_MAPPING: Final[Schema] = {"anyOf": [{"type": ["object", "null"]}, _TEMPLATE]}


def _or_list(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


#: What a keyword takes, in the table's words -> its schema.
_TYPES: Final[Mapping[str, Schema]] = {
    "yes/no": _FLAG, "text": _TEXT, "name": _TEXT, "word": _TEXT, "file name": {"type": "string"},
    "variable name": {"type": "string"}, "pattern": _TEXT, "condition": _CONDITION,
    "number": _NUMBER, "number of seconds": _NUMBER, "duration": _TEXT, "N%": _SHARE,
    "number or N%": _SHARE, "all, any or N%": _SHARE_OR_WORD,
    "number, N% or list of them": _or_list(_SHARE),
    "list": _ANY_LIST, "list of lists": _ANY_LIST, "list of text": _or_list(_TEXT),
    "list of file names": _ANY_LIST, "list of globs": _ANY_LIST, "list of commands": _ANY_LIST,
    "list of addresses": _ANY_LIST, "text or list of text": _or_list(_TEXT),
    "pattern or list of patterns": _or_list(_TEXT),
    "group or list of groups": _or_list(_TEXT), "mapping": _MAPPING,
    "condition or list of conditions": _or_list(_CONDITION),
    "mapping or list of mappings": _or_list(_MAPPING),
    "module and arguments": {"type": ["string", "object"]},
    "list of tasks": {"anyOf": [{"type": "array", "items": _ref("task")}, {"type": "null"}]},
    "list of handlers": {"anyOf": [
        {"type": "array", "items": _ref("handler")}, {"type": "null"},
    ]},
    "list of roles": {"anyOf": [{"type": "array", "items": _ref("role")}, {"type": "null"}]},
    "list of limits": {"type": "array", "items": _ref("limit")}, "rate": _ref("rate"),
    "number, N% or sample": {"anyOf": [_SHARE, _ref("sample")]},
    "approval": _ref("approval"), "external check": _ref("external"),
    "list of stages": {"type": "array", "items": _ref("stage")}, "gate": _ref("gate"),
    "list of questions": {"type": "array", "items": {
        "type": ["object", "string"], "properties": {"name": _TEXT, "prompt": _TEXT},
    }},
    "list of rules": {"type": "array", "items": _ref("abort_rule")},
    "mapping of groups": {"type": "object", "additionalProperties": _ref("graph_group")},
}
#: Keywords whose schema is another level's, or more than their type says.
_BY_NAME: Final[Mapping[str, Schema]] = {
    "loop_control": _ref("loop_control"), "rollout": _ref("rollout"),
    "vars": {"type": ["object", "null"]},
    "loop": _ANY_LIST,
}
#: Modules that take arguments of any name.
_ANY_NAMES: Final = frozenset({"set_fact", "add_host"})


def playbook_schema(library: ModuleLibrary) -> Schema:
    """Returns the schema of a playbook: a list of plays and import_playbook."""
    return {
        "$schema": DRAFT, "title": "fleetrun playbook", "type": ["array", "null"],
        "items": {
            "if": {"anyOf": [
                {"required": ["import_playbook"]},
                {"required": ["ansible.builtin.import_playbook"]},
            ]},
            "then": _ref("import_playbook"), "else": _ref("play"),
        },
        "definitions": _definitions(library),
    }


def tasks_schema(library: ModuleLibrary) -> Schema:
    """Returns the schema of a task file (tasks/*.yml, handlers/*.yml of roles)."""
    return {
        "$schema": DRAFT, "title": "fleetrun tasks", "type": ["array", "null"],
        "items": _ref("handler"), "definitions": _definitions(library),
    }


def meta_schema() -> Schema:
    """Returns the schema of a role's meta/main.yml."""
    return {
        "$schema": DRAFT, "title": "fleetrun role meta", "type": ["object", "null"],
        "properties": {
            **_keywords(Level.ROLE_META), "galaxy_info": {"type": "object"},
            "argument_specs": {"type": "object"}, "collections": _or_list(_TEXT),
        },
        "definitions": {"role": _role()},
    }


def inventory_schema() -> Schema:
    """Returns the schema of a YAML inventory."""
    variables = {"type": ["object", "null"]}
    return {
        "$schema": DRAFT, "title": "fleetrun inventory", "type": "object",
        "additionalProperties": _ref("group"),
        "definitions": {"group": {
            "type": ["object", "null"], "additionalProperties": False,
            "properties": {
                "hosts": {"type": ["object", "null"], "additionalProperties": variables},
                "children": {"type": ["object", "null"], "additionalProperties": _ref("group")},
                "vars": variables,
            },
        }},
    }


def _definitions(library: ModuleLibrary) -> Schema:
    modules = {name: spec for name in library.names() if (spec := library.get(name)) is not None}
    return {
        "play": _level(Level.PLAY, required=("hosts",)),
        "import_playbook": _level(Level.IMPORT_PLAYBOOK),
        "block": _level(Level.BLOCK, required=("block",)),
        "task": _node(Level.TASK, modules), "handler": _node(Level.HANDLER, modules),
        "role": _role(), "loop_control": _level(Level.LOOP_CONTROL),
        "rollout": _level(Level.ROLLOUT), "stage": _level(Level.STAGE),
        "gate": _level(Level.GATE), "abort_rule": _level(Level.ABORT_RULE),
        "graph_group": _level(Level.GRAPH_GROUP), "limit": _level(Level.LIMIT),
        "rate": _level(Level.RATE), "approval": _level(Level.APPROVAL),
        "external": _level(Level.EXTERNAL), "sample": _level(Level.SAMPLE),
        **{f"module_{name}": _module(spec) for name, spec in modules.items()},
    }


def _keywords(level: Level) -> Schema:
    return {
        keyword.name: {**_of(keyword), "description": keyword.doc}
        for keyword in KEYWORDS[level].values() if keyword.is_supported
    }


def _of(keyword: Keyword) -> Schema:
    if keyword.name.startswith("with_"):
        # What a lookup takes is for the lookup to say: a scalar is a list of one.
        return {}
    # A type that is not in the table takes anything: an editor must not cry wolf.
    schema = _BY_NAME.get(keyword.name) or _TYPES.get(keyword.type, {})
    # Beside $ref everything else is ignored in draft 7.
    return {"allOf": [schema]} if "$ref" in schema else dict(schema)


def _level(level: Level, required: Iterable[str] = ()) -> Schema:
    return {
        "type": "object", "properties": _keywords(level), "additionalProperties": False,
        "required": list(required),
    }


def _role() -> Schema:
    """A role: its name, or a mapping whose other keys are its parameters."""
    return {"anyOf": [{"type": "string"}, {
        "type": "object", "properties": _keywords(Level.ROLE),
        "anyOf": [{"required": ["role"]}, {"required": ["name"]}],
    }]}


def _node(level: Level, modules: Mapping[str, ModuleSpec]) -> Schema:
    """A task or a block, told apart by `block`, so that errors are about the right one."""
    keywords = _keywords(level)
    names = {short: _module_key(short) for short in modules}
    prefix = "|".join(name.replace(".", r"\.") for name in sorted(COLLECTIONS))
    return {
        "if": {"required": ["block"]}, "then": _ref("block"),
        "else": {
            "type": "object",
            "properties": {**keywords, **names, **{
                full: _module_key(short) for full, short in RENAMED.items() if short in modules
            }, **_includes()},
            "patternProperties": {
                rf"^(?:{prefix})\.{short}$": schema
                for short, schema in {**names, **_includes()}.items()
            },
            "additionalProperties": False,
            "anyOf": [
                {"not": {"propertyNames": {"enum": sorted(keywords)}}},
                {"required": ["action"]}, {"required": ["local_action"]},
            ],
            "if": {"not": {"anyOf": [{"required": ["args"]}, {"required": ["module_defaults"]}]}},
            "then": {"properties": {
                short: required for short, spec in modules.items() if (required := _needs(spec))
            }},
        },
    }


def _includes() -> Schema:
    return {name: {"type": ["string", "object"], "description": text} for name, text in (
        ("include_tasks", "Tasks of a file, taken in while the play runs."),
        ("import_tasks", "Tasks of a file, taken in when the playbook is read."),
        ("include_role", "A role, taken in while the play runs."),
        ("import_role", "A role, taken in when the playbook is read."),
    )}


def _module_key(name: str) -> Schema:
    return {"allOf": [_ref(f"module_{name}")]}


def _needs(spec: ModuleSpec) -> Schema | None:
    """The arguments that a mapping must have; free text may hold them, too."""
    wanted = [
        {"anyOf": [{"required": [name]} for name in (arg.name, *arg.aliases)]}
        for arg in spec.args.values() if arg.required and not arg.name.startswith("_")
    ]
    return {"if": {"type": "object"}, "then": {"allOf": wanted}} if wanted else None


def _module(spec: ModuleSpec) -> Schema:
    properties: Schema = {}
    for arg in spec.args.values():
        if not arg.name.startswith("_"):
            for name in (arg.name, *arg.aliases):
                properties[name] = _argument(arg)
    if spec.free_form:
        properties["_raw_params"] = _TEXT
    return {
        "description": spec.summary,
        "anyOf": [
            {
                "type": "object", "properties": properties,
                # set_fact, add_host: any name may stand there.
                "additionalProperties": not spec.args or spec.name in _ANY_NAMES,
            },
            {"type": ["string", "null"]},
        ],
    }


def _argument(arg: ArgSpec) -> Schema:
    schema = dict(_ARGUMENTS[arg.type])
    if arg.choices and arg.type is ArgType.DICT:
        schema["propertyNames"] = {"enum": list(arg.choices)}
    elif arg.choices:
        known = [value for value in arg.choices if value is not None]
        spellings = {(type(value), value): value for value in (*known, *map(str, known))}
        schema = {"anyOf": [{"enum": list(spellings.values())}, _TEMPLATE]}
        if any(isinstance(value, bool) for value in known):
            schema["anyOf"].append(_FLAG)
        if arg.type is ArgType.LIST:
            schema = {"anyOf": [schema, {"type": "array", "items": schema}]}
    schema["description"] = " ".join(arg.description.split())
    if arg.default is not None and not isinstance(arg.default, bytes):
        schema["default"] = arg.default
    return schema


_ARGUMENTS: Final[Mapping[ArgType, Schema]] = {
    ArgType.STR: _TEXT, ArgType.PATH: {"type": "string"}, ArgType.BOOL: _FLAG,
    ArgType.INT: _NUMBER, ArgType.FLOAT: _NUMBER,
    ArgType.LIST: {"type": ["array", "string", "number", "boolean"]},
    ArgType.DICT: {"type": ["object", "string"]},
    ArgType.MODE: {"type": ["string", "integer"]}, ArgType.RAW: {},
}
