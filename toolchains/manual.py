#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the manual pages and the shells' completions from what the program itself tells: the tables behind --help.

    manual.py FOLDER PROGRAM...      PROGRAM may be several words: an emulator and the program

FOLDER gets man1/binocle.1.gz, man1/binocle-COMMAND.1.gz, bash/binocle, zsh/_binocle and fish/binocle.fish.
"""
import gzip
import os
import re
import subprocess
import sys

ENTRY = re.compile(r"^  (\S.*?)  +(\S.*)$")


class Help:
    """usage, summary (a line), details (lines), options [(spelling, value, help)], examples (lines): of one command's --help"""

    def __init__(self, name, text):
        self.name = name
        head, _, rest = text.partition("\noptions:\n")
        options, _, examples = rest.partition("\nexamples:\n")
        lines = head.rstrip("\n").split("\n")
        if not lines[0].startswith(f"usage: binocle {name} ") or not rest or not examples:
            raise SystemExit(f"manual.py: the help of '{name}' has another form than expected: {lines[0]!r}")
        self.usage = lines[0].removeprefix("usage: ")
        self.summary, self.details = lines[2], [line for line in lines[3:] if line]
        self.examples = [line.strip() for line in examples.strip("\n").split("\n")]
        self.options = []
        for line in options.rstrip("\n").split("\n"):
            found = re.match(r"^  (\S+)( \S+)? +(\S.*)$", line)
            if not found:
                raise SystemExit(f"manual.py: cannot read the option of '{name}': {line!r}")
            self.options.append((found[1], (found[2] or "").strip(), found[3]))

    def dashed(self):
        return [option for option in self.options if option[0].startswith("-")]


def ask(program, *arguments):
    return subprocess.run([*program, *arguments], stdout=subprocess.PIPE, check=True, text=True, stdin=subprocess.DEVNULL).stdout


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith((".", "\\(aq")) else text


def page(name, version, summary, body):
    upper = name.upper()
    return f'.TH "{upper}" 1 "" "Binocle {version}" "Binocle"\n.SH NAME\n{roff(name)} \\- {roff(summary)}\n' + body


def example_lines(lines):
    return ".SH EXAMPLES\n.nf\n" + "".join(roff(line) + "\n" for line in lines) + ".fi\n"


def command_page(help_, version):
    body = f".SH SYNOPSIS\n{roff(help_.usage)}\n"
    if help_.details:
        body += ".SH DESCRIPTION\n" + "".join(roff(line) + "\n" for line in help_.details)
    body += ".SH OPTIONS\n"
    for spelling, value, text in help_.options:
        body += f".TP\n\\fB{roff(spelling)}\\fR" + (f" \\fI{roff(value)}\\fR" if value else "") + f"\n{roff(text)}\n"
    return page(f"binocle-{help_.name}", version, help_.summary, body + example_lines(help_.examples) + ".SH SEE ALSO\n.BR binocle (1)\n")


def program_page(text, commands, version):
    summary = text.split("\n")[2].rstrip(".")
    environment = [ENTRY.match(line) for line in text.partition("\nenvironment:\n")[2].partition("\n\n")[0].split("\n")]
    codes = text.partition("\nexit codes: ")[2].strip()
    body = ".SH SYNOPSIS\n\\fBbinocle\\fR \\fICOMMAND\\fR ...\n.SH COMMANDS\n"
    for help_ in commands:
        body += f".TP\n.BR binocle\\-{help_.name} (1)\n{roff(help_.summary)}\n"
    body += ".SH ENVIRONMENT\n" + "".join(f".TP\n\\fB{roff(entry[1])}\\fR\n{roff(entry[2])}\n" for entry in environment)
    return page("binocle", version, summary[0].lower() + summary[1:], body + f".SH EXIT STATUS\n{roff(codes)}\n")


def bash(commands):
    cases = "".join(f"    {c.name}) options='{' '.join(o[0] for o in c.dashed())}' valued='{' '.join(o[0] for o in c.dashed() if o[1])}' ;;\n"
                    for c in commands)
    names = " ".join(c.name for c in commands)
    return f"""# bash completion of binocle; made by toolchains/manual.py
_binocle() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} options= valued=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '{names} --help --version' -- "$word")
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}  esac
  case $word:" $valued " in
    -*:*" $before "*) ;;
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ; return ;;
  esac
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
}}
complete -F _binocle binocle
"""


def zsh(commands):
    def safe(text):
        return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")

    listed = "".join(f"    '{c.name}:{safe(c.summary)}'\n" for c in commands)
    cases = ""
    for c in commands:
        options = " ".join(f"'*{o[0]}[{safe(o[2])}]" + (f":{safe(o[1])}:_files'" if o[1] else "'") for o in c.dashed())
        cases += f"    {c.name}) _arguments {options} '*:file:_files' ;;\n"
    return f"""#compdef binocle
# zsh completion of binocle; made by toolchains/manual.py
_binocle() {{
  local -a commands
  commands=(
{listed}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{cases}  esac
}}
_binocle "$@"
"""


def fish(commands):
    def quote(text):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = ["# fish completion of binocle; made by toolchains/manual.py"]
    for c in commands:
        lines.append(f"complete -c binocle -n __fish_use_subcommand -f -a {c.name} -d {quote(c.summary)}")
    for c in commands:
        for spelling, value, text in c.dashed():
            kind = "-s" if len(spelling) == 2 else "-l"
            lines.append(f"complete -c binocle -n '__fish_seen_subcommand_from {c.name}' {kind} {spelling.lstrip('-')} "
                         f"{'-r ' if value else ''}-d {quote(text)}")
    return "\n".join(lines) + "\n"


def main(folder, *program):
    text = ask(program, "--help")
    version = ask(program, "--version").split()[1]
    names = [ENTRY.match(line)[1].split()[0] if ENTRY.match(line) else line.split()[0]
             for line in text.partition("\ncommands:\n")[2].partition("\n\n")[0].split("\n")]
    commands = [Help(name, ask(program, name, "--help")) for name in names]
    files = {"man1/binocle.1.gz": program_page(text, commands, version), "bash/binocle": bash(commands), "zsh/_binocle": zsh(commands),
             "fish/binocle.fish": fish(commands)}
    for help_ in commands:
        files[f"man1/binocle-{help_.name}.1.gz"] = command_page(help_, version)
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        content = content.encode()
        with open(path, "wb") as file: # no name and no time in the gzip header: the same pages are the same bytes
            file.write(gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content)
    print(f"{len(commands)} commands: manual pages and completions in {folder}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
