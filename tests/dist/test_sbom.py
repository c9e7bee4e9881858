# SPDX-License-Identifier: MIT
"""The SPDX document of a release. Debian has no validator for it: what is asked here is what the format's rules
want of a document like this one, and whether it is true of the programs.
"""

import hashlib
import re
from collections import defaultdict

import pytest

from lib_tree import names_in

PROGRAMS = ("nsshell", "nsshell-session", "nsshell-scope", "nsshellctl", "pam_nsshell.so")

# What each kind of element must have, once, in SPDX 2.3 (clauses 6 to 8).
DOCUMENT = ("SPDXVersion", "DataLicense", "SPDXID", "DocumentName", "DocumentNamespace", "Created")
PACKAGE = ("PackageName", "SPDXID", "PackageDownloadLocation")
FILE = ("FileName", "SPDXID", "FileChecksum")


class Document:
    """elements: one dictionary of lists of values for each, in their order; relations: triples."""

    def __init__(self, text):
        self.elements = []
        self.relations = []
        for tag, value in re.findall(r"^(\w+): ((?s:<text>.*?</text>)|.*)$", text, re.M):
            if tag == "Relationship":
                self.relations.append(tuple(value.split()))
            else:
                self._add(tag, value)

    def _add(self, tag, value):
        if tag in ("SPDXVersion", "PackageName", "FileName"):
            self.elements.append(defaultdict(list))
        self.elements[-1][tag].append(value)

    def of(self, tag):
        return [element for element in self.elements if tag in element]

    def package(self, name, version=None):
        (found,) = [
            p for p in self.of("PackageName")
            if p["PackageName"] == [name] and version in (None, p["PackageVersion"][0])
            and p["SPDXID"] != ["SPDXRef-nsshell"]
        ]
        return found

    def linked(self, program, relation):
        """The packages' names."""
        ref = self.package(program)["SPDXID"][0]
        names = {element["SPDXID"][0]: element["PackageName"][0] for element in self.of("PackageName")}
        return {names[to] for what, kind, to in self.relations if what == ref and kind == relation}


@pytest.fixture(scope="module")
def text(place, unpacked):
    return place.run("packaging/make-sbom", "build", cwd=unpacked)


@pytest.fixture(scope="module")
def document(text):
    return Document(text)


def test_same_in_the_repository(place, repository, unpacked, text):
    """From git's records and from the unpacked release."""
    assert place.run("packaging/make-sbom", unpacked / "build", cwd=repository) == text


def test_is_complete(document):
    assert document.elements[0]["SPDXVersion"] == ["SPDX-2.3"]
    assert document.elements[0]["DataLicense"] == ["CC0-1.0"]
    for tag, wanted in (("SPDXVersion", DOCUMENT), ("PackageName", PACKAGE), ("FileName", FILE)):
        assert document.of(tag)
        for element in document.of(tag):
            assert [len(element[key]) for key in wanted] == [1] * len(wanted), element
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document.elements[0]["Created"][0])


def test_names_what_there_is(document):
    refs = [element["SPDXID"][0] for element in document.elements]
    assert len(refs) == len(set(refs))
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", ref) for ref in refs)
    used = {ref for what, _, to in document.relations for ref in (what, to)}
    assert used <= set(refs)
    packages = {element["SPDXID"][0] for element in document.of("PackageName")}
    assert packages <= used
    assert ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-nsshell") in document.relations


def test_has_every_file_with_its_licence(document, unpacked):
    """reuse leaves out links and empty files, what is about licences, and the text of the licence."""
    names = {element["FileName"][0].removeprefix("./"): element for element in document.of("FileName")}
    paths = {name: unpacked / name for name in names_in(unpacked)}
    missing = {name for name, path in paths.items() if not path.is_symlink() and path.stat().st_size} - names.keys()
    assert missing == {".reuse/dep5", "LICENSES/MIT.txt"}
    for name, element in names.items():
        digest = hashlib.sha1((unpacked / name).read_bytes()).hexdigest()
        assert element["FileChecksum"] == [f"SHA1: {digest}"]
        assert element["LicenseInfoInFile"] == ["MIT"]
    sums = sorted(element["FileChecksum"][0].split()[1] for element in names.values())
    (source,) = [p for p in document.of("PackageName") if p["SPDXID"] == ["SPDXRef-nsshell"]]
    assert source["PackageVerificationCode"] == [hashlib.sha1("".join(sums).encode()).hexdigest()]


def owner_of(place, library):
    """The package; dpkg knows some libraries below /lib and some below /usr/lib, the loader has one of the two."""
    said = place.run("sh", "-c", 'dpkg-query -S "*$1" 2>&1', "-", library.removeprefix("/usr"), cwd="/")
    (owner,) = {line.split(":")[0] for line in said.splitlines()}
    return owner


@pytest.mark.parametrize("program", PROGRAMS)
def test_names_what_is_in_a_program(place, document, unpacked, program):
    """By its own symbols, and by what the dynamic loader finds for it."""
    path = unpacked / "build" / program
    symbols = place.run("nm", "--defined-only", path, cwd=unpacked)
    static = document.linked(program, "STATIC_LINK")
    assert ("libiniparser-dev" in static) == bool(re.search(r" T iniparser_load$", symbols, re.M))
    assert any(re.fullmatch(r"libgcc-\d+-dev", name) for name in static)
    assert "libc6-dev" in static

    needed = re.findall(r"NEEDED\s+(\S+)", place.run("objdump", "-p", path, cwd=unpacked))
    found = dict(re.findall(r"^\s*(\S+) => (\S+)", place.run("ldd", path, cwd=unpacked), re.M) if needed else ())
    owners = {owner_of(place, found[name]) for name in needed}
    assert document.linked(program, "DYNAMIC_LINK") == owners


def test_has_the_versions_that_are_installed(place, document, unpacked):
    debian = [p for p in document.of("PackageName") if p["SPDXID"][0].startswith("SPDXRef-deb-")]
    assert len(debian) > 10
    for package in debian:
        name = package["PackageName"][0]
        version = place.run("dpkg-query", "-W", "-f", "${Version}", name, cwd=unpacked)
        assert package["PackageVersion"] == [version]


def test_licence_of_what_is_linked_in(document):
    names = {name for program in PROGRAMS for name in document.linked(program, "STATIC_LINK")}
    assert names
    for name in names:
        assert document.package(name)["PackageLicenseConcluded"] != ["NOASSERTION"], name
