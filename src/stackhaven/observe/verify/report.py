"""A verification as JUnit XML, for whatever reads test results."""

from __future__ import annotations

from xml.etree import ElementTree

from stackhaven.observe.verify.outcome import CheckResult, Report, Verdict


def junit(report: Report) -> str:
    """One test suite, one test case per check; what was left behind is a failed case of its own."""
    counts = report.counts
    suite = ElementTree.Element(
        "testsuite",
        name=f"haven verify {report.cloud}",
        tests=str(len(report.results) + bool(report.left_behind)),
        failures=str(counts["failed"] + bool(report.left_behind)),
        errors="0",
        skipped=str(counts["skipped"]),
        time=f"{report.seconds:.3f}",
    )
    for result in report.results:
        suite.append(_case(result))
    if report.left_behind:
        case = ElementTree.SubElement(suite, "testcase", classname="verify", name="verify.clean", time="0")
        ElementTree.SubElement(case, "failure", message="; ".join(report.left_behind))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(result: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"verify.{result.group}", name=result.name, time=f"{result.seconds:.3f}"
    )
    if result.verdict is Verdict.FAILED:
        failure = ElementTree.SubElement(case, "failure", message=_printable(result.sentence))
        failure.text = _printable(f"{result.title}\n{result.sentence}\n{result.todo}".strip())
    elif result.verdict is Verdict.SKIPPED:
        ElementTree.SubElement(case, "skipped", message=_printable(result.sentence))
    else:
        ElementTree.SubElement(case, "system-out").text = _printable(result.sentence)
    return case


def _printable(text: str) -> str:
    """XML has no way to write control characters."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)
