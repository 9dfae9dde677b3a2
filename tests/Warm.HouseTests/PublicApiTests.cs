using System.Reflection;
using System.Text;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// The public surface of each package, as a text that is reviewed: tests/Warm.HouseTests/PublicApi.*.txt. A change to it is discussed, the rest is not.
/// <c>WARM_UPDATE=1 dotnet test</c> writes it anew.
/// </summary>
public class PublicApiTests
{
    [Theory]
    [InlineData("Warm"), InlineData("Warm.Transformers"), InlineData("Warm.Extensions.AI")]
    public void Surface_is_the_reviewed_one(string package)
    {
        string surface = Surface(Assembly.Load(package)), file = Repository.Path("tests", "Warm.HouseTests", $"PublicApi.{package}.txt");
        if (Environment.GetEnvironmentVariable("WARM_UPDATE") == "1") File.WriteAllText(file, surface);
        string reviewed = File.Exists(file) ? File.ReadAllText(file) : "";
        string[] now = surface.Split('\n'), then = reviewed.Split('\n');
        Assert.True(surface == reviewed, $"{Path.GetFileName(file)} is out of date (WARM_UPDATE=1 writes it anew):\n"
            + string.Join('\n', then.Except(now).Select(line => "- " + line).Concat(now.Except(then).Select(line => "+ " + line)).Take(40)));
    }

    [Theory]
    [InlineData("Warm"), InlineData("Warm.Transformers"), InlineData("Warm.Extensions.AI")]
    public void Types_live_in_the_one_namespace_of_their_package(string package) =>
        Assert.Empty(Assembly.Load(package).GetExportedTypes().Where(type => type.Namespace != package));

    [Theory]
    [InlineData("Warm"), InlineData("Warm.Transformers"), InlineData("Warm.Extensions.AI")]
    public void Results_and_nouns_print_themselves(string package)
    {
        // A console, a debugger and a notebook all show ToString: no public class that can be made may print its type's name.
        Assert.Empty(Assembly.Load(package).GetExportedTypes().Where(type => type is { IsClass: true, IsAbstract: false } && !typeof(Exception).IsAssignableFrom(type) && !typeof(Delegate).IsAssignableFrom(type)
            && type.GetMethod("ToString", Type.EmptyTypes)!.DeclaringType == typeof(object)));
    }

    private static string Surface(Assembly package)
    {
        const BindingFlags own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var nullability = new NullabilityInfoContext();
        StringBuilder text = new();
        foreach (Type type in package.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
                : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
            string parents = string.Join(", ", new[] { type.BaseType }.Where(parent => parent is not null && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum) && parent != typeof(MulticastDelegate))
                .Concat(type.GetInterfaces().Where(i => i.Assembly == package && i.IsVisible)).Select(parent => Name(parent!)));
            text.Append($"{kind} {Name(type)}{(parents.Length > 0 ? " : " + parents : "")}\n");
            if (type.IsEnum)
            {
                text.Append($"    {string.Join(", ", Enum.GetNames(type))}\n");
                continue;
            }
            if (typeof(Delegate).IsAssignableFrom(type))
            {
                text.Append($"    {Signature(type.GetMethod("Invoke")!)}\n");
                continue;
            }
            IEnumerable<string> members = type.GetConstructors(own).Where(Visible).Select(c => $"new({Parameters(c)})")
                .Concat(type.GetProperties(own).Where(p => p.GetMethod is { } get && Visible(get)).Select(Property))
                .Concat(type.GetFields(own).Where(f => f.IsPublic).Select(f => $"{(f.IsLiteral ? "const " : f.IsStatic ? "static " : "")}{Name(f.FieldType)} {f.Name}"))
                .Concat(type.GetMethods(own).Where(m => Visible(m) && !m.IsSpecialName && !m.Name.Contains('<') && !FromObject(m)).Select(Signature));
            foreach (string member in members.Order(StringComparer.Ordinal)) text.Append($"    {member}\n");
        }
        return text.ToString();

        bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;
        bool FromObject(MethodInfo method) => method.Name is "ToString" or "Equals" or "GetHashCode" or "PrintMembers" or "Deconstruct" or "<Clone>$";
        string Property(PropertyInfo p)
        {
            string set = p.SetMethod is { } s && Visible(s) ? s.ReturnParameter.GetRequiredCustomModifiers().Length > 0 ? " init;" : " set;" : "";
            string index = p.GetIndexParameters() is { Length: > 0 } keys ? $"this[{string.Join(", ", keys.Select(k => Name(k.ParameterType)))}]" : p.Name;
            return $"{(p.GetMethod!.IsStatic ? "static " : "")}{Name(p.PropertyType)}{Maybe(() => nullability.Create(p))} {index} {{ get;{set} }}";
        }
        string Signature(MethodInfo m) =>
            $"{(m.IsStatic ? "static " : m.IsAbstract && !m.DeclaringType!.IsInterface ? "abstract " : m.IsFamily ? "protected " : "")}{Name(m.ReturnType)}{Maybe(() => nullability.Create(m.ReturnParameter))} {m.Name}{(m.IsGenericMethod ? $"<{string.Join(", ", m.GetGenericArguments().Select(Name))}>" : "")}({Parameters(m)})";
        string Parameters(MethodBase m) => string.Join(", ", m.GetParameters().Select(p => $"{Name(p.ParameterType)}{Maybe(() => nullability.Create(p))} {p.Name}{(p.HasDefaultValue ? $" = {Default(p)}" : "")}"));
        string Default(ParameterInfo p) => p.DefaultValue switch { null => p.ParameterType.IsValueType && Nullable.GetUnderlyingType(p.ParameterType) is null ? "default" : "null", string s => $"\"{s}\"", bool b => b ? "true" : "false", var v => Convert.ToString(v, System.Globalization.CultureInfo.InvariantCulture)! };
        string Maybe(Func<NullabilityInfo> info) => info() is { ReadState: NullabilityState.Nullable, Type.IsValueType: false } ? "?" : "";
    }

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value) return Name(value) + "?";
        if (type.IsByRef) return "ref " + Name(type.GetElementType()!);
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        string name = type switch
        {
            _ when type == typeof(void) => "void", _ when type == typeof(int) => "int", _ when type == typeof(long) => "long", _ when type == typeof(float) => "float", _ when type == typeof(double) => "double",
            _ when type == typeof(bool) => "bool", _ when type == typeof(string) => "string", _ when type == typeof(object) => "object", _ when type == typeof(byte) => "byte",
            _ => type.Name,
        };
        if (type.IsNested && !type.IsGenericParameter) name = $"{Name(type.DeclaringType!)}.{name}";
        return type.IsGenericType ? $"{name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }
}
