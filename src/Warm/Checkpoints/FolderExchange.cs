using System.Runtime.InteropServices;

namespace Warm;

/// <summary>Puts one folder in another's place so that whoever looks sees the old one or the new one, and never none: Linux exchanges two names in one step.</summary>
internal static partial class FolderExchange
{
    private const int CurrentFolder = -100, Exchange = 2; // AT_FDCWD, RENAME_EXCHANGE

    /// <summary>Exchanges two folders; false where the system or the file system cannot.</summary>
    public static bool TryExchange(string a, string b)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            return RenameAt2(CurrentFolder, a, CurrentFolder, b, Exchange) == 0;
        }
        catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int fromFolder, string from, int toFolder, string to, uint flags);
}
