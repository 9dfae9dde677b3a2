using System.Reflection;
using System.Runtime.CompilerServices;

namespace Warm.Cli;

/// <summary>
/// Compiles what a command will need while it still reads folders: in a fresh process the just-in-time compiler takes as long as averaging half a gigabyte, and one core would
/// wait for the other. Changes no result; a method that is missing from it is compiled on its first call as ever.
/// </summary>
internal static class EarlyCompilation
{
    /// <summary>Begins with the methods of some types, and of the types nested in them, on another thread.</summary>
    public static void Start(params Type[] types)
    {
        if (Environment.ProcessorCount > 1) new Thread(() => Compile(types)) { IsBackground = true }.Start();
    }

    private static void Compile(IEnumerable<Type> types)
    {
        const BindingFlags Own = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (Type type in types.Where(type => !type.ContainsGenericParameters))
        {
            foreach (MethodBase method in type.GetMethods(Own).Concat<MethodBase>(type.GetConstructors(Own)))
                if (!method.IsAbstract && !method.ContainsGenericParameters) RuntimeHelpers.PrepareMethod(method.MethodHandle);
            Compile(type.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic));
        }
    }
}
