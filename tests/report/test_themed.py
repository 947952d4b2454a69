from xml.etree import ElementTree

from pruneproof.drawing.style import INK, PALETTE, TEXT_PALETTE
from pruneproof.report.themed import themed


def test_a_figure_takes_the_colours_of_the_page_and_has_ids_of_its_own(report):
    [plot] = [plot for plot in report.plots["mobilenet"] if plot.name == "mobilenet-accuracy"]
    svg = themed(plot)
    assert svg.startswith('<svg role="img" aria-labelledby="mobilenet-accuracy-caption"')
    assert "var(--ink)" in svg
    assert "var(--series-1)" in svg
    assert "var(--text-1)" in svg
    assert not any(colour in svg for colour in (INK, *PALETTE, *TEXT_PALETTE))
    root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
    ids = {each.attrib["id"] for each in root.iter() if "id" in each.attrib}
    used = {each.attrib[key][1:] for each in root.iter() for key in each.attrib if key.endswith("href")}
    assert used <= ids
    assert all(each.startswith("mobilenet-accuracy-") for each in ids)


def test_no_two_figures_share_an_id(report):
    found = []
    for group in report.plots.values():
        for plot in group:
            root = ElementTree.fromstring(themed(plot).replace("<svg ", '<svg xmlns:xlink="x" ', 1))
            found += [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
    assert len(found) == len(set(found))
