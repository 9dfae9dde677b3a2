using System.Text.Json;

namespace Warm.Transformers;

/// <summary>The post-processor of a tokenizer.json.</summary>
internal static class PostProcessorReader
{
    public static PostProcessor Read(JsonPlace json)
    {
        (bool templated, PostProcessor result) = (false, new PostProcessor());
        Apply(json, 0);
        return result;

        void Apply(JsonPlace step, int depth)
        {
            switch (TokenizerJson.TypeOf(step, depth))
            {
                case "Sequence":
                    foreach (JsonPlace inner in step["processors"].Items()) Apply(inner, depth + 1);
                    break;
                case "ByteLevel":
                    bool trims = step["trim_offsets"].Flag, prefix = step["add_prefix_space"].Flag;
                    if (trims) result = result with { Trims = [.. result.Trims, prefix] };
                    break;
                case "BertProcessing":
                    (TemplatePart sep, TemplatePart cls) = (Special(step["sep"]), Special(step["cls"]));
                    Template(step, [cls, TemplatePart.First(), sep], [cls, TemplatePart.First(), sep, TemplatePart.Second(), sep with { TypeId = 1 }]);
                    break;
                case "RobertaProcessing":
                    (sep, cls) = (Special(step["sep"]), Special(step["cls"]));
                    if (step.Find("trim_offsets")?.Flag ?? true) result = result with { Trims = [.. result.Trims, step.Find("add_prefix_space")?.Flag ?? true] };
                    Template(step, [cls, TemplatePart.First(), sep], [cls, TemplatePart.First(), sep, sep, TemplatePart.Second(0), sep]);
                    break;
                case "TemplateProcessing":
                    Template(step, Parts(step, step["single"]), Parts(step, step["pair"]));
                    break;
                case string type: throw step.Refuse($"the post-processor {type} is not built");
            }
        }

        void Template(JsonPlace step, List<TemplatePart> single, List<TemplatePart> pair)
        {
            if (templated) throw step.Refuse("is a second template in one sequence", "the library fails on that for pairs of texts");
            (templated, result) = (true, result with { Single = single, Pair = pair });
        }
    }

    private static TemplatePart Special(JsonPlace json)
    {
        JsonPlace[] items = [.. json.Items()];
        return items.Length == 2 ? TemplatePart.Special(items[1].Natural, items[0].Text) : throw json.Refuse("is not a token and its id", "[\"</s>\", 2]");
    }

    private static List<TemplatePart> Parts(JsonPlace template, JsonPlace list)
    {
        var parts = new List<TemplatePart>();
        foreach (JsonPlace item in list.Items())
        {
            if (item.Kind != JsonValueKind.Object) throw item.Refuse("is not a part of a template", "{\"SpecialToken\": ..} or {\"Sequence\": ..}");
            if (item.Find("Sequence") is { } sequence)
            {
                int which = sequence["id"].Text switch { "A" => 0, "B" => 1, string other => throw sequence["id"].Refuse($"is {other}", "A or B") };
                parts.Add(new TemplatePart(which, sequence["type_id"].Natural));
            }
            else
            {
                JsonPlace special = item["SpecialToken"];
                string name = special["id"].Text;
                JsonPlace entry = template["special_tokens"].Find(name) ?? throw special.Refuse($"'{name}' is not among the template's special_tokens");
                JsonPlace[] ids = [.. entry["ids"].Items()], tokens = [.. entry["tokens"].Items()];
                if (ids.Length != tokens.Length) throw entry.Refuse($"has {ids.Length} ids and {tokens.Length} tokens", "as many of one as of the other");
                for (int i = 0; i < ids.Length; i++) parts.Add(TemplatePart.Special(ids[i].Natural, tokens[i].Text, special["type_id"].Natural));
            }
        }
        return parts;
    }
}
