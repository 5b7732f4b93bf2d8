using Workerman.Protocols.Http.Sessions;

namespace Workerman.Tests;

/// <summary>
/// Sessions that are kept where nobody chose make a folder there; the last test takes it away, unless another run uses it.
/// </summary>
[SetUpFixture]
internal sealed class NothingLeft
{
    [OneTimeTearDown]
    public void RemoveDefaultSessionFolder()
    {
        string folder = new FileSessionHandler().Folder;
        try
        {
            Directory.Delete(folder);
        }
        catch (IOException)
        {
            // It is not there, or not empty.
        }
    }
}
