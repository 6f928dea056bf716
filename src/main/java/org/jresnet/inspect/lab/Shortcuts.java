package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.train.EpochResult;

/** The network in its other forms, each trained alike. */
final class Shortcuts implements Experiment {
  /** What follows the colon; nothing for the published network. */
  private static final List<String> FORMS =
      List.of("", "shortcut=A", "shortcut=C", "preact", "stochastic-depth=0.2", "plain");

  @Override
  public String id() {
    return "shortcuts";
  }

  @Override
  public String summary() {
    return "Train the network with shortcuts A, B and C, pre-activated, with stochastic depth, and plain";
  }

  @Override
  public String paper() {
    return "He et al. 2015, arXiv:1512.03385, section 4.1; 2016, arXiv:1603.05027; Huang et al. 2016, arXiv:1603.09382";
  }

  @Override
  public Result run(LabContext lab) {
    List<List<Object>> rows = new ArrayList<>();
    List<Panel.Series> training = new ArrayList<>();
    List<Panel.Series> validation = new ArrayList<>();
    String best = "";
    double least = Double.POSITIVE_INFINITY;
    for (String form : FORMS) {
      Variants.Trained trained = lab.variants().of(form);
      String name = form.isEmpty() ? "shortcut=B" : form;
      long parameters =
          trained.parameters(lab.classifier().classes().size(), lab.classifier().info().width());
      List<EpochResult> history = trained.history();
      for (EpochResult epoch : history) {
        rows.add(
            List.of(
                name,
                parameters,
                epoch.epoch(),
                epoch.trainLoss(),
                epoch.valLoss(),
                epoch.valAccuracy()));
      }
      double[] epochs = history.stream().mapToDouble(EpochResult::epoch).toArray();
      double[] losses = history.stream().mapToDouble(EpochResult::valLoss).toArray();
      training.add(
          new Panel.Series(
              name, epochs, history.stream().mapToDouble(EpochResult::trainLoss).toArray()));
      validation.add(new Panel.Series(name, epochs, losses));
      double lowest = java.util.Arrays.stream(losses).min().orElseThrow();
      if (lowest < least) {
        least = lowest;
        best = name;
      }
    }
    return new Result(
        Text.format(
            "The least validation loss in %s epochs has %s: %.4f",
            lab.settings().epochs(), best, least),
        List.of(
            "form",
            "parameters",
            "epoch",
            "training loss",
            "validation loss",
            "validation accuracy"),
        rows,
        List.of(
            new Panel.Lines("Training", "epoch", "loss", training),
            new Panel.Lines("Validation", "epoch", "loss", validation)));
  }
}
