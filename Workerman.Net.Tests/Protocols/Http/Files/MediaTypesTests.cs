using Workerman.Protocols.Http.Files;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Files;

/// <summary>Content types by extension, the table itself, and names of files that are to be saved.</summary>
internal sealed class MediaTypesTests
{
    [TestCase("index.html", "text/html")]
    [TestCase("INDEX.HTM", "text/html")]
    [TestCase("a.b.css", "text/css")]
    [TestCase("app.mjs", "text/javascript")]
    [TestCase("data.json", "application/json")]
    [TestCase("site.webmanifest", "application/manifest+json")]
    [TestCase("code.wasm", "application/wasm")]
    [TestCase("photo.JPG", "image/jpeg")]
    [TestCase("photo.avif", "image/avif")]
    [TestCase("logo.svg", "image/svg+xml")]
    [TestCase("favicon.ico", "image/x-icon")]
    [TestCase("text.woff2", "font/woff2")]
    [TestCase("film.mp4", "video/mp4")]
    [TestCase("song.mp3", "audio/mpeg")]
    [TestCase("paper.pdf", "application/pdf")]
    [TestCase("all.tar.gz", "application/gzip")]
    public void KnownExtensions(string name, string type) => Assert.That(MediaTypes.Of(name), Is.EqualTo(type));

    [TestCase("Makefile")]
    [TestCase("dot.")]
    [TestCase("")]
    [TestCase("x.unheard-of")]
    public void UnknownExtensions(string name) => Assert.That(MediaTypes.Of(name), Is.Null);

    [Test]
    public void TableIsWellFormedAndEachExtensionHasOneType()
    {
        string[] lines = File.ReadAllLines(Repository.PathOf("Workerman.Net", "Protocols", "Http", "Files", "media.types"));
        string[][] rows = [.. lines.Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' '))];
        Assert.That(rows.Where(row => row.Length < 2 || row[0].Split('/').Length != 2), Is.Empty);
        Assert.That(rows.SelectMany(row => row).Where(word => word.Length == 0 || word.Any(char.IsAsciiLetterUpper)), Is.Empty);
        string[] extensions = [.. rows.SelectMany(row => row[1..])];
        Assert.That(extensions.GroupBy(e => e).Where(g => g.Count() > 1).Select(g => g.Key), Is.Empty);
        Assert.That(rows.Select(row => row[0]), Is.Unique);
        Assert.That(MediaTypes.Count, Is.EqualTo(extensions.Length).And.GreaterThan(150));
    }

    [TestCase("report.bin", "attachment; filename=\"report.bin\"")]
    [TestCase("two words", "attachment; filename=\"two words\"")]
    [TestCase("na\u00efve \u20ac.bin", "attachment; filename=\"na_ve _.bin\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.bin")]
    [TestCase("a\"b\\c%41", "attachment; filename=\"a_b_c_41\"; filename*=UTF-8''a%22b%5Cc%2541")]
    [TestCase("a\r\nSet-Cookie: x=1",
        "attachment; filename=\"a__Set-Cookie: x=1\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x%3D1")]
    public void AttachmentNamesAreSafe(string name, string expected) =>
        Assert.That(AttachmentName.Format(name), Is.EqualTo(expected));
}
