namespace Warm.Tests;

public class ShapeTests
{
    [Fact]
    public void ToString_lists_sizes() => Assert.Equal("[2, 4096]", new Shape(2, 4096).ToString());

    [Fact]
    public void Count_of_no_axes_is_one() => Assert.Equal(1, new Shape().Count);

    [Fact]
    public void Equals_compares_sizes() => Assert.Equal(new Shape(2, 3), new Shape(2, 3));
}
